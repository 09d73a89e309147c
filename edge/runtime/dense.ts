import { type Context, constantOf, createValue, unsupported, type Value } from './operator.ts';
import { packPanels } from './panels.ts';

/** Fewer images than these go through `multiplyVector` one by one, which reads the weights once each. */
const TILE = 3;

/** Gemm: x [K] times weights [K, n], plus bias. */
export function dense(context: Context, input: Value): Value {
  const { heap, table, steps, node } = context;
  const kernel = constantOf(context, 1);
  const [length, n] = kernel.shape as [number, number];
  const { transA = 0, transB = 0 } = node.attributes;
  if (transA || transB || kernel.shape.length !== 2 || input.channelsLast || input.shape.join() !== `${length}`)
    unsupported(node, 'other than a vector times a matrix');
  const bias = node.inputs[2] ? constantOf(context, 2).values : undefined;
  const rowOffsets = Array.from({ length }, (_, row) => row * n);
  const weights = packPanels(heap, { values: kernel.values, rowOffsets, columnStep: 1, columns: n }, bias);
  const value = createValue(context, [n]);
  const { multiplyVector, convolve } = heap.kernels;
  const panels = Math.ceil(n / 8);
  steps.push((images) => {
    if (images >= TILE) {
      convolve(input.address, 4 * length, 0, 0, 1, 4 * length, 0, weights, n, value.address, 4 * n, 0, 0, images, 1, 1, table);
      return;
    }
    // A whole panel is written, beyond n: over the image that comes next, so they go in order; after the last there is room.
    for (let image = 0; image < images; image++)
      multiplyVector(input.address + 4 * length * image, length, weights, panels, value.address + 4 * n * image);
  });
  return value;
}
