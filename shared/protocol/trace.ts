/** Where a request stands in a distributed trace (W3C Trace Context). */
export interface Trace {
  traceId: string;
  /** Of this worker's part. */
  spanId: string;
  /** 01: the caller records the trace, 00: it does not. */
  flags: string;
  /** Passed on as it came. */
  state: string | null;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The caller's trace with a new span of our own; a trace of our own where the caller sends none, or one that is not valid
 * (W3C Trace Context, section 4.3: then `tracestate` does not count either).
 */
export function traceOf(traceparent: string | undefined, tracestate: string | undefined): Trace {
  const [, version, traceId, parent, flags, more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const valid =
    version !== undefined &&
    version !== 'ff' &&
    !(version === '00' && more !== undefined) &&
    !/^0+$/.test(traceId as string) &&
    !/^0+$/.test(parent as string);
  if (!valid) return { traceId: randomHex(16), spanId: randomHex(8), flags: '00', state: null };
  const sampled = (Number.parseInt(flags as string, 16) & 1).toString().padStart(2, '0');
  const state = tracestate && tracestate.length <= 512 ? tracestate : null;
  return { traceId: traceId as string, spanId: randomHex(8), flags: sampled, state };
}

/** Headers for what is asked on behalf of the request. */
export function traceHeaders({ traceId, spanId, flags, state }: Trace): Record<string, string> {
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(state ? { tracestate: state } : {}) };
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
