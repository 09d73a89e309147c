/** The result of inflating: `too-long` if there are more bytes than allowed, `damaged` also if bytes follow the stream. */
export type Inflated = { state: 'whole'; bytes: Uint8Array } | { state: 'too-long' | 'damaged' };
