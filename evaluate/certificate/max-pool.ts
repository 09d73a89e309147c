import { type ReadLayer, sizeOf, unsupported } from './layer.ts';

/**
 * A maximum never falls where one of its inputs grows: its bounds are the maxima of the bounds. It is at least any of its inputs, and is
 * one of them where that is above all others.
 */
export const maxPool: ReadLayer = (node, shape) => {
  const { kernel_shape: window = [], strides = [], pads = [], dilations = [] } = node.attributes as Record<string, number[]>;
  if (shape.length !== 3 || window.length !== 2 || strides.length !== 2)
    unsupported(node, 'a pooling needs two dimensions and its strides');
  if (node.attributes.ceil_mode || pads.some(Boolean) || dilations.some((by) => by !== 1))
    unsupported(node, 'it pads, dilates or rounds up; a pooling without these has bounds');
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = [height, width].map(
    (side, axis) => Math.floor((side - (window[axis] as number)) / (strides[axis] as number)) + 1,
  );
  const to = [channels, rows as number, columns as number] as [number, number, number];
  const places = Array.from({ length: sizeOf(to) }, (_, place) => {
    const [channel, y, x] = [Math.floor(place / (to[1] * to[2])), Math.floor(place / to[2]) % to[1], place % to[2]];
    const first = (channel * height + y * (strides[0] as number)) * width + x * (strides[1] as number);
    return Array.from(
      { length: sizeOf(window) },
      (_, k) => first + Math.floor(k / (window[1] as number)) * width + (k % (window[1] as number)),
    );
  });
  const greatest = (own: number[], values: Float64Array) =>
    own.reduce((best, place) => ((values[place] as number) > (values[best] as number) ? place : best), own[0] as number);
  const pooled = (values: Float64Array) => Float64Array.from(places, (own) => values[greatest(own, values)] as number);
  return {
    shape: to,
    bound: ({ lower, upper }) => ({ shape: to, lower: pooled(lower), upper: pooled(upper) }),
    pull({ coefficients, constant }, { lower, upper }) {
      const back = new Float64Array(lower.length);
      let sum = constant;
      for (const [i, own] of places.entries()) {
        const a = coefficients[i] as number;
        if (a === 0) continue;
        const best = greatest(own, lower);
        const isLargest = own.every((place) => place === best || (upper[place] as number) <= (lower[best] as number));
        if (a < 0 || isLargest) back[best] = (back[best] as number) + a;
        else sum += a * (upper[greatest(own, upper)] as number);
      }
      return { coefficients: back, constant: sum };
    },
  };
};
