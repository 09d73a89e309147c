import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as native from '../../../../shared/images/png/zlib-native.ts';
import * as portable from '../../../../shared/images/png/zlib-portable.ts';

/** A stream, whole or with one change, and how much may come out of it. */
const streams = fc
  .record({
    length: fc.integer({ min: 0, max: 70_000 }),
    period: fc.integer({ min: 1, max: 997 }),
    level: fc.integer({ min: 0, max: 9 }),
    change: fc.constantFrom('none', 'cut', 'flip', 'append'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    more: fc.integer({ min: -80, max: 80 }),
  })
  .map(({ length, period, level, change, at, more }) => {
    const plain = Uint8Array.from({ length }, (_, i) => ((i % period) * 31) & 0xff);
    const whole = new Uint8Array(deflateSync(plain, { level }));
    const place = Math.min(whole.length - 1, Math.floor(at * whole.length));
    const changed = {
      none: () => whole,
      cut: () => whole.subarray(0, place),
      flip: () => whole.map((byte, i) => (i === place ? byte ^ 0x11 : byte)),
      append: () => Uint8Array.from([...whole, 1, 2, 3]),
    };
    return { compressed: changed[change](), most: Math.max(0, length + more) };
  });

describe('zlib without node:zlib', () => {
  it('inflates as the original does, strictly and leniently, whatever is wrong with the stream', () => {
    fc.assert(
      fc.property(streams, ({ compressed, most }) => {
        for (const [ours, theirs] of [
          [portable.inflate(compressed, most), native.inflate(compressed, most)],
          [portable.inflateLeniently(compressed, most), native.inflateLeniently(compressed, most)],
        ] as const) {
          expect(ours.state).toBe(theirs.state);
          if (ours.state === 'whole' && theirs.state === 'whole') expect(Buffer.compare(ours.bytes, theirs.bytes)).toBe(0);
        }
      }),
      { numRuns: 120 },
    );
  });

  it('computes the same checksums, also in parts', () => {
    expect(portable.crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        expect(portable.crc32(b, portable.crc32(a))).toBe(native.crc32(b, native.crc32(a)));
      }),
    );
  });
});
