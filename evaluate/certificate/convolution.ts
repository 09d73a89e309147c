import { type ReadLayer, unsupported } from './layer.ts';
import { linearOf } from './linear.ts';
import { appliedTo } from './windows.ts';

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
  const [starts, inputs, places]: [number[], number[], number[]] = [[0], [], []];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      for (let i = 0; i < size; i++) {
        const [channel, row, column] = [
          Math.floor(i / (kernelHeight * kernelWidth)),
          Math.floor(i / kernelWidth) % kernelHeight,
          i % kernelWidth,
        ];
        const [ownRow, ownColumn] = [y * down + row - top, x * across + column - left];
        // What lies beyond the image is 0.
        if (ownRow < 0 || ownRow >= height || ownColumn < 0 || ownColumn >= width) continue;
        inputs.push((channel * height + ownRow) * width + ownColumn);
        places.push(i);
      }
      starts.push(inputs.length);
    }
  const windows = { starts: Int32Array.from(starts), inputs: Int32Array.from(inputs), columns: Int32Array.from(places) };
  return appliedTo(windows, linear, [linear.outputs, rows, columns]);
};
