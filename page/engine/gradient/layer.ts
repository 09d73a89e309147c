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

const relu: LayerRule = ({ shape }) => ({
  shape,
  forward(x) {
    const y = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) if ((x[i] as number) > 0) y[i] = x[i] as number;
    return y;
  },
  backward(_, y, dy) {
    const dx = new Float32Array(y.length);
    for (let i = 0; i < y.length; i++) if ((y[i] as number) > 0) dx[i] = dy[i] as number;
    return dx;
  },
});

const sigmoid: LayerRule = ({ shape }) => ({
  shape,
  forward(x) {
    const y = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) y[i] = 1 / (1 + Math.exp(-(x[i] as number)));
    return y;
  },
  backward(_, y, dy) {
    const dx = new Float32Array(y.length);
    for (let i = 0; i < y.length; i++) dx[i] = (dy[i] as number) * (y[i] as number) * (1 - (y[i] as number));
    return dx;
  },
});

/** A layer each of whose results is one of the inputs; `choose` writes the index of each result's, of one image. */
function selection(from: number[], to: number[], choose: (x: Float32Array, chosen: Int32Array) => void): Layer {
  const [size, results] = [sizeOf(from), sizeOf(to)];
  const chosen = new Int32Array(results);
  const each = (x: Float32Array, visit: (result: number, at: number) => void) => {
    for (let image = 0; image * size < x.length; image++) {
      choose(x.subarray(image * size, (image + 1) * size), chosen);
      for (let i = 0; i < results; i++) visit(image * results + i, image * size + (chosen[i] as number));
    }
  };
  return {
    shape: to,
    forward(x) {
      const y = new Float32Array((x.length / size) * results);
      each(x, (result, at) => {
        y[result] = x[at] as number;
      });
      return y;
    },
    backward(x, _, dy) {
      const dx = new Float32Array(x.length);
      each(x, (result, at) => {
        (dx[at] as number) += dy[result] as number;
      });
      return dx;
    },
  };
}

/** Resize that repeats each pixel. */
const upSample: LayerRule = ({ node, shape, constants }) => {
  const [, , vertical = 1, horizontal = 1] = constants.get(node.inputs[2] ?? '')?.values ?? [];
  const [height, width, channels] = shape as [number, number, number];
  const [rows, columns] = [height * vertical, width * horizontal];
  const sources = Int32Array.from({ length: rows * columns * channels }, (_, i) => {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    const [x, y] = [Math.floor((pixel % columns) / horizontal), Math.floor(pixel / columns / vertical)];
    return (y * width + x) * channels + channel;
  });
  return selection(shape, [rows, columns, channels], (_, chosen) => chosen.set(sources));
};

/** The largest of each window, the first of equals. Windows neither overlap nor leave pixels over, as the kernels check. */
const maxPool: LayerRule = ({ node, shape }) => {
  const [down, across] = node.attributes.kernel_shape as [number, number];
  const [height, width, channels] = shape as [number, number, number];
  const [rows, columns] = [height / down, width / across];
  return selection(shape, [rows, columns, channels], (x, chosen) => {
    for (let i = 0; i < chosen.length; i++) {
      const [channel, pixel] = [i % channels, Math.floor(i / channels)];
      const first = (Math.floor(pixel / columns) * down * width + (pixel % columns) * across) * channels + channel;
      let best = first;
      for (let y = 0; y < down; y++)
        for (let at = first + y * width * channels, end = at + across * channels; at < end; at += channels)
          if ((x[at] as number) > (x[best] as number)) best = at;
      chosen[i] = best;
    }
  });
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
  Relu: relu,
  Sigmoid: sigmoid,
  MaxPool: maxPool,
  Resize: upSample,
  Transpose: transpose,
  Reshape: reshape,
  Identity: ({ shape }) => unchanged(shape),
};
