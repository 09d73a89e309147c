import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32FromBase64, float32FromBytes, float32ToBase64 } from '../../../shared/bundle/float32-base64.ts';

describe('float32 as base64', () => {
  it('comes back to the bit: NaN, infinities, -0 and subnormals too', () => {
    fc.assert(
      fc.property(fc.float32Array(), (values) => {
        const back = float32FromBase64(float32ToBase64(values));
        expect(back).toHaveLength(values.length);
        for (const [i, value] of values.entries()) expect(Object.is(back[i], value)).toBe(true);
      }),
    );
  });

  it("is Node's own base64 of little-endian bytes", () => {
    const values = Float32Array.of(0, 1, -2.5, 1e-40);
    const bytes = Buffer.alloc(16);
    values.forEach((value, i) => {
      bytes.writeFloatLE(value, 4 * i);
    });
    expect(float32ToBase64(values)).toBe(bytes.toString('base64'));
  });

  it('reads bytes at any offset of their buffer', () => {
    const bytes = new Uint8Array([9, 0, 0, 128, 63, 9]);
    expect(float32FromBytes(bytes.subarray(1, 5))).toEqual(Float32Array.of(1));
  });

  it('refuses what holds no whole number of values, and what is no base64', () => {
    expect(() => float32FromBase64('AAAA')).toThrow('3 bytes are not a whole number of float32 values');
    expect(() => float32FromBase64('%')).toThrow();
  });
});
