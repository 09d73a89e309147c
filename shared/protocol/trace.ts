/** A request's place in a distributed trace (W3C Trace Context). */
export interface Trace {
  traceId: string;
  /** The span of this worker's part. */
  spanId: string;
  /** 01: the caller records the trace, 00: it does not. */
  flags: string;
  /** Passed on as it came. */
  state: string | null;
}

/** Version ff is not allowed, nor are ids of zeros (W3C Trace Context, 3.2.2). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

/** Parses a traceparent header. @returns null if it is not valid */
export function parseTraceparent(traceparent: string | undefined): { traceId: string; flags: string } | null {
  const [, version, traceId, flags, more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  // Only later versions may have more members.
  if (traceId === undefined || flags === undefined || (version === '00' && more !== undefined)) return null;
  return { traceId, flags };
}

/** Continues the caller's trace with a new span; begins a new trace, without tracestate (4.3), if the caller sends none that is valid. */
export function traceOf(traceparent: string | undefined, tracestate: string | undefined): Trace {
  const parent = parseTraceparent(traceparent);
  const spanId = randomHex(8);
  if (!parent) return { traceId: randomHex(16), spanId, flags: '00', state: null };
  const flags = Number.parseInt(parent.flags, 16) & 1 ? '01' : '00';
  return { traceId: parent.traceId, spanId, flags, state: tracestate && tracestate.length <= 512 ? tracestate : null };
}

/** Returns the headers that continue the trace in another server. */
export function traceHeaders({ traceId, spanId, flags, state }: Trace): Record<string, string> {
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(state ? { tracestate: state } : {}) };
}

const randomHex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
