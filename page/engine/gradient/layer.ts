import type { Heap } from '../../../shared/runtime/heap.ts';
import { sizeOf } from '../../../shared/runtime/operator.ts';
import type { Constant, OnnxNode } from '../../../shared/runtime/read-onnx.ts';

/** A layer on a batch. Values are flat, [n, ...shape]; images are [H, W, C], whatever their order in ONNX. */
export interface Layer {
  /** Of its result, without the batch. */
  shape: number[];
  forward(x: Float32Array): Float32Array;
  /** Returns the gradient by x, given x, y = forward(x) and the gradient by y. */
  backward(x: Float32Array, y: Float32Array, dy: Float32Array): Float32Array;
}

/** Makes the layer of a node. @throws NoGradientError, or UnsupportedGraphError of the kernels */
export type LayerRule = (given: {
  node: OnnxNode;
  /** Of its input, without the batch. */
  shape: number[];
  constants: Map<string, Constant>;
  heap: Heap;
  /** The most images of a batch. */
  most: number;
}) => Layer;

/** The graph has a layer whose gradient is not known. */
export class NoGradientError extends Error {
  override name = 'NoGradientError';
}

const unchanged = (shape: number[]): Layer => ({ shape, forward: (x) => x, backward: (_x, _y, dy) => dy });

const elementwise =
  (value: (x: number) => number, slope: (y: number) => number): LayerRule =>
  ({ shape }) => ({
    shape,
    forward: (x) => x.map(value),
    backward: (_x, y, dy) => dy.map((gradient, i) => gradient * slope(y[i] as number)),
  });

/** A layer each of whose results is one of the inputs; `chosen` gives the index of each result's. */
function selection(shape: number[], chosen: (x: Float32Array) => Int32Array): Layer {
  return {
    shape,
    forward: (x) => Float32Array.from(chosen(x), (at) => x[at] as number),
    backward(x, _, dy) {
      const dx = new Float32Array(x.length);
      for (const [i, at] of chosen(x).entries()) (dx[at] as number) += dy[i] as number;
      return dx;
    },
  };
}

/** Resize that repeats each pixel. */
const upSample: LayerRule = ({ node, shape, constants }) => {
  const [, , vertical = 1, horizontal = 1] = constants.get(node.inputs[2] ?? '')?.values ?? [];
  const [height, width, channels] = shape as [number, number, number];
  const [rows, columns] = [height * vertical, width * horizontal];
  return selection([rows, columns, channels], ({ length }) =>
    Int32Array.from({ length: length * vertical * horizontal }, (_, i) => {
      const [channel, pixel] = [i % channels, Math.floor(i / channels)];
      const [x, y] = [Math.floor((pixel % columns) / horizontal), Math.floor((Math.floor(pixel / columns) % rows) / vertical)];
      return ((Math.floor(pixel / (columns * rows)) * height + y) * width + x) * channels + channel;
    }),
  );
};

/** The largest of each window, the first of equals. Windows neither overlap nor leave pixels over, as the kernels check. */
const maxPool: LayerRule = ({ node, shape }) => {
  const [down, across] = node.attributes.kernel_shape as [number, number];
  const [height, width, channels] = shape as [number, number, number];
  const [rows, columns] = [height / down, width / across];
  return selection([rows, columns, channels], (x) =>
    Int32Array.from({ length: x.length / (down * across) }, (_, i) => {
      const [channel, pixel] = [i % channels, Math.floor(i / channels)];
      const first = (Math.floor(pixel / columns) * down * width + (pixel % columns) * across) * channels + channel;
      const window = Array.from({ length: down * across }, (__, j) => first + (Math.floor(j / across) * width + (j % across)) * channels);
      return window.reduce((best, at) => ((x[at] as number) > (x[best] as number) ? at : best));
    }),
  );
};

/** As images stand channels last here, a transposition changes nothing. */
const transpose: LayerRule = ({ node, shape }) => {
  const order = (node.attributes.perm as number[]).join();
  if (order !== '0,3,1,2' && order !== '0,2,3,1') throw new NoGradientError(`Transpose by ${order} has no gradient rule`);
  return unchanged(shape);
};

const reshape: LayerRule = ({ node, shape, constants }) => {
  const [, ...to] = constants.get(node.inputs[1] ?? '')?.values ?? [];
  if (sizeOf(to) !== sizeOf(shape)) throw new NoGradientError(`Reshape to [${to}] has no gradient rule`);
  // Channels first in ONNX, so with one channel only.
  return unchanged(to.length === 3 && to[0] === 1 ? [...to.slice(1), 1] : to);
};

export const layerRules: Record<string, LayerRule> = {
  Relu: elementwise(
    (x) => Math.max(x, 0),
    (y) => (y > 0 ? 1 : 0),
  ),
  Sigmoid: elementwise(
    (x) => 1 / (1 + Math.exp(-x)),
    (y) => y * (1 - y),
  ),
  MaxPool: maxPool,
  Resize: upSample,
  Transpose: transpose,
  Reshape: reshape,
  Identity: ({ shape }) => unchanged(shape),
};
