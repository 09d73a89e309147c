import { convolution } from './convolution.ts';
import { dense } from './dense.ts';
import { type ReadLayer, sizeOf, unsupported } from './layer.ts';

const identity: ReadLayer = (_, shape) => ({ shape, renames: true, bound: (input) => input });

/** ReLU never falls, so the bounds of its output are those of its input, passed through it. */
const relu: ReadLayer = (_, shape) => {
  const passed = (values: Float64Array) => values.map((value) => Math.max(0, value));
  return { shape, bound: ({ lower, upper }) => ({ shape, lower: passed(lower), upper: passed(upper) }) };
};

/** A maximum never falls where one of its inputs grows: its bounds are the maxima of the bounds. */
const maxPool: ReadLayer = (node, shape) => {
  const { kernel_shape: window = [], strides = [], pads = [], dilations = [] } = node.attributes as Record<string, number[]>;
  if (shape.length !== 3 || window.length !== 2 || strides.length !== 2)
    unsupported(node, 'a pooling needs two dimensions and its strides');
  if (node.attributes.ceil_mode || pads.some(Boolean) || dilations.some((by) => by !== 1))
    unsupported(node, 'it pads, dilates or rounds up; a pooling without these has bounds');
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = [height, width].map(
    (side, axis) => Math.floor((side - (window[axis] as number)) / (strides[axis] as number)) + 1,
  );
  const to = [channels, rows as number, columns as number] as const;
  const offsets = Array.from(
    { length: sizeOf(window) },
    (_, k) => Math.floor(k / (window[1] as number)) * width + (k % (window[1] as number)),
  );
  const pooled = (values: Float64Array) =>
    Float64Array.from({ length: sizeOf(to) }, (_, place) => {
      const [channel, y, x] = [Math.floor(place / (to[1] * to[2])), Math.floor(place / to[2]) % to[1], place % to[2]];
      const first = (channel * height + y * (strides[0] as number)) * width + x * (strides[1] as number);
      return offsets.reduce((most, offset) => Math.max(most, values[first + offset] as number), Number.NEGATIVE_INFINITY);
    });
  return { shape: [...to], bound: ({ lower, upper }) => ({ shape: [...to], lower: pooled(lower), upper: pooled(upper) }) };
};

const reshape: ReadLayer = (node, shape, [target]) => {
  const [batch, ...to] = target?.values ?? [];
  if (batch !== -1 || to.some((length) => length <= 0) || sizeOf(to) !== sizeOf(shape))
    unsupported(node, `it makes [${target?.values}] of [N,${shape}]; -1 for the batch and then a shape of as many values have bounds`);
  return { shape: to, bound: (input) => ({ ...input, shape: to }) };
};

const transpose: ReadLayer = (node, shape) => {
  const [batch, ...axes] = ((node.attributes.perm ?? []) as number[]).map((axis) => axis - 1);
  if (batch !== -1 || axes.length !== shape.length) unsupported(node, 'it moves the batch');
  const to = axes.map((axis) => shape[axis] as number);
  const strides = axes.map((axis) => sizeOf(shape.slice(axis + 1)));
  const from = Int32Array.from({ length: sizeOf(to) }, (_, place) =>
    to.reduce((source, length, axis) => source + (Math.floor(place / sizeOf(to.slice(axis + 1))) % length) * (strides[axis] as number), 0),
  );
  const permuted = (values: Float64Array) => Float64Array.from(from, (place) => values[place] as number);
  return { shape: to, bound: ({ lower, upper }) => ({ shape: to, lower: permuted(lower), upper: permuted(upper) }) };
};

/** The operators that have bounds, by their names in ONNX. */
export const layers: Record<string, ReadLayer> = {
  ...{ Conv: convolution, Gemm: dense, Identity: identity, MaxPool: maxPool, Relu: relu, Reshape: reshape, Transpose: transpose },
};
