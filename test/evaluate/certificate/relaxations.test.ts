import { describe, expect, it } from 'vitest';
import type { Layer, UpperBound } from '../../../evaluate/certificate/layer.ts';
import { maxPool } from '../../../evaluate/certificate/max-pool.ts';
import { relu } from '../../../evaluate/certificate/relu.ts';
import { randomFrom } from '../../../shared/random.ts';

const node = (attributes: Record<string, number[]> = {}) => ({ name: 'layer', op: '', inputs: [], output: '', attributes });

function pulled(layer: Layer, coefficients: number[], lower: number[], upper: number[]): UpperBound {
  const input = { shape: [lower.length], lower: Float64Array.from(lower), upper: Float64Array.from(upper) };
  return layer.pull({ coefficients: Float64Array.from(coefficients), constant: 0 }, input, layer.bound(input));
}

describe('an upper bound pulled back', () => {
  it('through ReLU: by the chord above, by x or 0 below', () => {
    const { coefficients, constant } = pulled(relu(node(), [6], []), [2, 2, 2, -1, -1, -1], [1, -3, -1, -1, -3, -3], [2, -1, 3, 3, 1, -2]);
    expect([...coefficients]).toEqual([2, 0, 1.5, -1, 0, 0]);
    expect(constant).toBe(1.5);
  });

  it('through a maximum: its largest input, where one is; else the largest bound above, and the best input below', () => {
    const pool = () => maxPool(node({ kernel_shape: [1, 2], strides: [1, 2] }), [1, 1, 2], []);
    expect(pulled(pool(), [3], [2, 0], [4, 1])).toEqual({ coefficients: Float64Array.of(3, 0), constant: 0 });
    expect(pulled(pool(), [3], [2, 0], [4, 5])).toEqual({ coefficients: Float64Array.of(0, 0), constant: 15 });
    expect(pulled(pool(), [-3], [2, 0], [4, 5])).toEqual({ coefficients: Float64Array.of(-3, 0), constant: 0 });
  });

  it.each([
    ['ReLU', relu(node(), [8], []), (x: number[]) => x.map((value) => Math.max(0, value))],
    [
      'a maximum',
      maxPool(node({ kernel_shape: [2, 2], strides: [2, 2] }), [1, 2, 4], []),
      (x: number[]) => [0, 2].map((at) => Math.max(...[at, at + 1, at + 4, at + 5].map((place) => x[place] as number))),
    ],
  ] as const)('holds at every point of the box: %s', (name, layer, apply) => {
    const random = randomFrom(4, name);
    for (let round = 0; round < 50; round++) {
      const lower = Array.from({ length: 8 }, () => 2 * random.uniform() - 1.5);
      const upper = lower.map((value) => value + 1.5 * random.uniform());
      const a = apply(lower).map(() => 2 * random.uniform() - 1);
      const { coefficients, constant } = pulled(layer, a, lower, upper);
      for (let point = 0; point < 20; point++) {
        const x = lower.map((value, i) => value + ((upper[i] as number) - value) * random.uniform());
        const value = apply(x).reduce((sum, own, i) => sum + own * (a[i] as number), 0);
        const bound = x.reduce((sum, own, i) => sum + own * (coefficients[i] as number), constant);
        expect(value).toBeLessThanOrEqual(bound + 1e-12);
      }
    }
  });
});
