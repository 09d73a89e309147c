import { reachOf, transposedPhases } from '../kernels/geometry.ts';
import { packPanels } from './dense.ts';
import { type Context, constantOf, createValue, imageOf, listOf, type Operator, ofValue, unsupported, type Value } from './operator.ts';

type Pair = [number, number];

/** Copies an image into one with a border of zeros, if it needs one. @returns its address and strides */
function padded({ heap, capacity, steps }: Context, input: Value, before: Pair, after: Pair) {
  const [channels, height, width] = input.shape as [number, number, number];
  const [rows, columns] = [height + before[0] + after[0], width + before[1] + after[1]];
  const rowBytes = 4 * columns * channels;
  if (rows === height && columns === width) return { address: input.address, rowBytes, imageBytes: rows * rowBytes };
  const address = heap.allocate(capacity * rows * columns * channels);
  const first = address + before[0] * rowBytes + 4 * before[1] * channels;
  steps.push((images) => heap.kernels.placeRows(input.address, images, height, 4 * width * channels, first, rowBytes, rows * rowBytes));
  return { address, rowBytes, imageBytes: rows * rowBytes };
}

/** Reads the sizes of a convolution. @throws UnsupportedGraphError if it is grouped or dilated */
function geometry(context: Context, kernel: number[], input: Value) {
  const { node } = context;
  const [channels, height, width] = imageOf(context, input);
  if ((node.attributes.group ?? 1) !== 1) unsupported(node, 'in groups');
  if (listOf(node, 'dilations', [1, 1]).some((rate) => rate !== 1)) unsupported(node, 'dilated');
  const [top, left, bottom, right] = listOf(node, 'pads', [0, 0, 0, 0]) as [number, number, number, number];
  const strides = listOf(node, 'strides', [1, 1]) as Pair;
  return { channels, height, width, top, left, bottom, right, strides, kh: kernel[2] as number, kw: kernel[3] as number };
}

/** Conv, with weights [n, C, kh, kw]. */
function convolution(context: Context, input: Value): Value {
  const { heap, table, steps } = context;
  const kernel = constantOf(context, 1);
  const bias = context.node.inputs[2] ? constantOf(context, 2).values : undefined;
  const { channels, height, width, top, left, bottom, right, strides, kh, kw } = geometry(context, kernel.shape, input);
  const n = kernel.shape[0] as number;
  const [rows, columns] = [
    Math.floor((height + top + bottom - kh) / strides[0]) + 1,
    Math.floor((width + left + right - kw) / strides[1]) + 1,
  ];
  const from = padded(context, input, [top, left], [bottom, right]);
  const rowOffsets = Array.from({ length: kh * kw * channels }, (_, row) => (row % channels) * kh * kw + Math.floor(row / channels));
  const weights = packPanels(heap, { values: kernel.values, rowOffsets, columnStep: channels * kh * kw, columns: n }, bias);
  const value = createValue(context, [n, rows, columns], true);
  const [aRow, aCol, runBytes] = [from.rowBytes * strides[0], 4 * channels * strides[1], 4 * kw * channels];
  const [cImage, cRow, cCol] = [4 * rows * columns * n, 4 * columns * n, 4 * n];
  const { convolve } = heap.kernels;
  steps.push((images) => {
    const read = [from.address, from.imageBytes, aRow, aCol, kh, runBytes, from.rowBytes] as const;
    convolve(...read, weights, n, value.address, cImage, cRow, cCol, images, rows, columns, table);
  });
  return value;
}

/**
 * ConvTranspose, with weights [C, n, kh, kw]. Each phase, the results whose row is p and whose column is q modulo the stride, is a
 * convolution of its own (`transposedPhases`).
 */
function transposedConvolution(context: Context, input: Value): Value {
  const { heap, table, steps, node } = context;
  const kernel = constantOf(context, 1);
  const bias = node.inputs[2] ? constantOf(context, 2).values : undefined;
  const { channels, height, width, top, left, bottom, right, strides, kh, kw } = geometry(context, kernel.shape, input);
  const n = kernel.shape[1] as number;
  const over = listOf(node, 'output_padding', [0, 0]) as Pair;
  const rows = (height - 1) * strides[0] + kh - top - bottom + over[0];
  const columns = (width - 1) * strides[1] + kw - left - right + over[1];
  const vertical = transposedPhases(rows, kh, strides[0], top);
  const horizontal = transposedPhases(columns, kw, strides[1], left);
  if ([...vertical, ...horizontal].some(({ taps }) => taps.length === 0)) unsupported(node, 'with a stride beyond its kernel');
  const [above, below] = reachOf(vertical, height);
  const [before, after] = reachOf(horizontal, width);
  const from = padded(context, input, [above, before], [below, after]);
  const value = createValue(context, [n, rows, columns], true);
  const { convolve } = heap.kernels;
  for (const [p, v] of vertical.entries()) {
    for (const [q, h] of horizontal.entries()) {
      const rowOffsets = v.taps.flatMap((y) =>
        h.taps.flatMap((x) => Array.from({ length: channels }, (_, channel) => (channel * n * kh + y) * kw + x)),
      );
      const weights = packPanels(heap, { values: kernel.values, rowOffsets, columnStep: kh * kw, columns: n }, bias);
      const first = from.address + (above + v.start) * from.rowBytes + 4 * (before + h.start) * channels;
      const to = value.address + 4 * (p * columns + q) * n;
      const runBytes = 4 * h.taps.length * channels;
      const [cImage, cRow, cCol] = [4 * rows * columns * n, 4 * strides[0] * columns * n, 4 * strides[1] * n];
      steps.push((images) => {
        const read = [first, from.imageBytes, from.rowBytes, 4 * channels, v.taps.length, runBytes, from.rowBytes] as const;
        convolve(...read, weights, n, to, cImage, cRow, cCol, images, v.count, h.count, table);
      });
    }
  }
  return value;
}

export const convolutionOperators: Record<string, Operator> = { Conv: ofValue(convolution), ConvTranspose: ofValue(transposedConvolution) };
