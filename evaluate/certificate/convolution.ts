import { boxOf } from './box.ts';
import { type ReadLayer, unsupported } from './layer.ts';
import { addInput, boundLinear, inputsOf, linearOf } from './linear.ts';

/** A convolution of [C, H, W] by [out, C, h, w]: a linear layer on the window of each result. */
export const convolution: ReadLayer = (node, shape, [weights, bias]) => {
  const { strides = [1, 1], dilations = [], pads = [0, 0, 0, 0] } = node.attributes as Record<string, number[]>;
  const [filters, depth, ...kernel] = weights?.shape ?? [];
  if (!weights || !bias || shape.length !== 3 || kernel.length !== 2 || depth !== shape[0] || filters !== bias.values.length)
    unsupported(node, `it convolves [N,${shape}] by [${weights?.shape}] and adds [${bias?.shape}]; constants that fit have bounds`);
  if ((node.attributes.group ?? 1) !== 1 || dilations.some((by) => by !== 1)) unsupported(node, 'it has groups or dilations');
  const [channels, height, width] = shape as [number, number, number];
  const [kernelHeight, kernelWidth] = kernel as [number, number];
  const [down, across] = strides as [number, number];
  const [top, left, bottom, right] = pads as [number, number, number, number];
  const rows = Math.floor((height + top + bottom - kernelHeight) / down) + 1;
  const columns = Math.floor((width + left + right - kernelWidth) / across) + 1;
  const size = channels * kernelHeight * kernelWidth;
  const linear = linearOf(size, bias.values, (o, i) => weights.values[o * size + i] as number);
  const to = [linear.outputs, rows, columns];
  const window = inputsOf(size);
  return {
    shape: to,
    bound({ lower, upper }) {
      const result = boxOf(to);
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          window.count = 0;
          // What lies beyond the image is 0.
          const firstRow = Math.max(0, top - y * down);
          const lastRow = Math.min(kernelHeight, height + top - y * down);
          const firstColumn = Math.max(0, left - x * across);
          const lastColumn = Math.min(kernelWidth, width + left - x * across);
          for (let channel = 0; channel < channels; channel++)
            for (let i = firstRow; i < lastRow; i++)
              for (let j = firstColumn; j < lastColumn; j++) {
                const at = (channel * height + y * down + i - top) * width + x * across + j - left;
                addInput(window, (channel * kernelHeight + i) * kernelWidth + j, lower[at] as number, upper[at] as number);
              }
          boundLinear(linear, window, result.lower, result.upper, y * columns + x, rows * columns);
        }
      return result;
    },
  };
};
