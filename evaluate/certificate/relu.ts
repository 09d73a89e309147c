import type { ReadLayer } from './layer.ts';

/**
 * ReLU never falls, so the bounds of its output are those of its input, passed through it. In between, with l < 0 < u, it lies below
 * u (x - l) / (u - l), and above x and 0, of which the one with the smaller area between is taken.
 */
export const relu: ReadLayer = (_, shape) => {
  const passed = (values: Float64Array) => values.map((value) => Math.max(0, value));
  return {
    shape,
    bound: ({ lower, upper }) => ({ shape, lower: passed(lower), upper: passed(upper) }),
    pull({ coefficients, constant }, { lower, upper }) {
      const back = new Float64Array(coefficients.length);
      let sum = constant;
      for (let i = 0; i < back.length; i++) {
        const [a, l, u] = [coefficients[i] as number, lower[i] as number, upper[i] as number];
        if (a === 0 || u <= 0) continue;
        if (l >= 0) back[i] = a;
        else if (a > 0) {
          back[i] = (a * u) / (u - l);
          sum -= (back[i] as number) * l;
        } else if (u > -l) back[i] = a;
      }
      return { coefficients: back, constant: sum };
    },
  };
};
