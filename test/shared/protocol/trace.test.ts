import { describe, expect, it } from 'vitest';
import { parseTraceparent, traceHeaders, traceOf } from '../../../shared/protocol/trace.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

describe('a trace context', () => {
  it.each([
    [`00-${traceId}-${parent}-01`, '01'],
    [`00-${traceId}-${parent}-00`, '00'],
    // Of the flags the first bit alone is defined.
    [`00-${traceId}-${parent}-03`, '01'],
    [`00-${traceId}-${parent}-fe`, '00'],
    // Versions to come may append fields.
    [`01-${traceId}-${parent}-01`, '01'],
    [`cc-${traceId}-${parent}-01-more`, '01'],
  ])('%s is continued with a span of its own', (traceparent, flags) => {
    const trace = traceOf(traceparent, 'vendor=1');
    expect(trace).toEqual({ traceId, spanId: expect.stringMatching(/^[0-9a-f]{16}$/), flags, state: 'vendor=1' });
    expect(trace.spanId).not.toBe(parent);
    expect(traceHeaders(trace)).toEqual({ traceparent: `00-${traceId}-${trace.spanId}-${flags}`, tracestate: 'vendor=1' });
  });

  it.each([
    [undefined],
    [''],
    [`ff-${traceId}-${parent}-01`],
    [`ff-${traceId}-${parent}-01-more`],
    [`00-${traceId}-${parent}-01-more`],
    [`00-${'0'.repeat(32)}-${parent}-01`],
    [`00-${traceId}-${'0'.repeat(16)}-01`],
    [`00-${traceId.toUpperCase()}-${parent}-01`],
    [`00-${traceId}-${parent}-1`],
    [`00-${traceId.slice(1)}-${parent}-01`],
    [` 00-${traceId}-${parent}-01`],
    [`cc-${traceId}-${parent}-01more`],
  ])('%s is not valid: a new trace begins, without the state', (traceparent) => {
    const trace = traceOf(traceparent, 'vendor=1');
    expect(trace).toMatchObject({ flags: '00', state: null });
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).not.toBe(traceId);
    expect(traceHeaders(trace)).toEqual({ traceparent: `00-${trace.traceId}-${trace.spanId}-00` });
  });

  it('is parsed alike for the log of the fallback', () => {
    expect(parseTraceparent(`00-${traceId}-${parent}-01`)).toEqual({ traceId, flags: '01' });
    expect(parseTraceparent(`ff-${traceId}-${parent}-01`)).toBeNull();
  });

  it('leaves out a state that is empty or longer than 512 characters', () => {
    const stateOf = (state: string | undefined) => traceOf(`00-${traceId}-${parent}-01`, state).state;
    expect(stateOf('a'.repeat(512))).toBe('a'.repeat(512));
    expect([stateOf('a'.repeat(513)), stateOf(''), stateOf(undefined)]).toEqual([null, null, null]);
  });
});
