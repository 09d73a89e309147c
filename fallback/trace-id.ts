const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace that a request belongs to (W3C Trace Context, section 3.2); undefined where it says none, or none that is valid. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const [, traceId, more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  return traceparent?.startsWith('00') && more !== undefined ? undefined : traceId;
}
