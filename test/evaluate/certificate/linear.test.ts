import { describe, expect, it } from 'vitest';
import type { Box } from '../../../evaluate/certificate/box.ts';
import { addTransposed, type Linear, linearOf, roundingMargin } from '../../../evaluate/certificate/linear.ts';
import { appliedTo } from '../../../evaluate/certificate/windows.ts';

/** Bounds of the layer applied once, to all of its inputs. */
function boundDense(linear: Linear, box: Box): Box {
  const all = Int32Array.from({ length: linear.inputs }, (_, i) => i);
  return appliedTo({ starts: Int32Array.of(0, linear.inputs), inputs: all, columns: all }, linear, [linear.outputs]).bound(box);
}

describe('bounds of a linear layer', () => {
  it('are W c + b +- |W| r, and the margin of float32', () => {
    // x in [0, 1] x [.25, .75], W = [[1, -2], [3, 0], [0, -1], [-1, 1], [2, 2]].
    const weights = [1, -2, 3, 0, 0, -1, -1, 1, 2, 2];
    const layer = linearOf(2, Float64Array.of(0.5, 0, 1, 0, -4), (o, i) => weights[2 * o + i] as number);
    const { lower, upper } = boundDense(layer, { shape: [2], lower: Float64Array.of(0, 0.25), upper: Float64Array.of(1, 0.75) });
    for (const [o, [low, high]] of (
      [
        [-1, 1],
        [0, 3],
        [0.25, 0.75],
        [-0.75, 0.75],
        [-3.5, -0.5],
      ] as const
    ).entries()) {
      // biome-ignore format: a row
      expect(lower[o]).toBeCloseTo(low, 5);
      expect(upper[o]).toBeCloseTo(high, 5);
      expect([(lower[o] as number) < low, (upper[o] as number) > high]).toEqual([true, true]);
    }
  });

  it('leave room for (n + 4) 2^-24 of the sum of magnitudes', () => {
    expect(roundingMargin(996, 8)).toBeCloseTo((8 * 1000 * 2 ** -24) / (1 - 1000 * 2 ** -24), 15);
  });

  it('do not count inputs that are always 0', () => {
    const layer = linearOf(3, Float64Array.of(0), () => 1);
    const { lower, upper } = boundDense(layer, { shape: [3], lower: Float64Array.of(0, 1, 0), upper: Float64Array.of(0, 1, 0) });
    expect([lower[0], upper[0]]).toEqual([1 - roundingMargin(1, 1), 1 + roundingMargin(1, 1)]);
  });

  it('go back by the transposed matrix', () => {
    const weights = [1, -2, 3, 0, 0, -1, -1, 1, 2, 2];
    const layer = linearOf(2, new Float64Array(5), (o, i) => weights[2 * o + i] as number);
    const sums = Float64Array.of(10, 0);
    addTransposed(layer, Float64Array.of(1, 2, 0, -1, 0.5), sums);
    expect([...sums]).toEqual([10 + 1 + 6 + 1 + 1, -2 - 1 + 1]);
  });
});
