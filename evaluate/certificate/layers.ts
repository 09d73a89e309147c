import { convolution } from './convolution.ts';
import { dense } from './dense.ts';
import { type ReadLayer, sizeOf, unsupported } from './layer.ts';
import { maxPool } from './max-pool.ts';
import { relu } from './relu.ts';

const identity: ReadLayer = (_, shape) => ({ shape, bound: (input) => input, pull: (bound) => bound });

const reshape: ReadLayer = (node, shape, [target]) => {
  const [batch, ...to] = target?.values ?? [];
  if (batch !== -1 || to.some((length) => length <= 0) || sizeOf(to) !== sizeOf(shape))
    unsupported(node, `it makes [${target?.values}] of [N,${shape}]; -1 for the batch and then a shape of as many values have bounds`);
  return { shape: to, bound: (input) => ({ ...input, shape: to }), pull: (bound) => bound };
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
  return {
    shape: to,
    bound: ({ lower, upper }) => ({ shape: to, lower: permuted(lower), upper: permuted(upper) }),
    pull({ coefficients, constant }) {
      const back = new Float64Array(coefficients.length);
      for (let place = 0; place < back.length; place++) back[from[place] as number] = coefficients[place] as number;
      return { coefficients: back, constant };
    },
  };
};

/** The operators that have bounds, by their names in ONNX. */
export const layers: Record<string, ReadLayer> = {
  ...{ Conv: convolution, Gemm: dense, Identity: identity, MaxPool: maxPool, Relu: relu, Reshape: reshape, Transpose: transpose },
};
