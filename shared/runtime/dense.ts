import type { Heap } from './heap.ts';
import {
  type Context,
  constantOf,
  createValue,
  type Operator,
  ofValue,
  type Product,
  type Step,
  unsupported,
  type Value,
} from './operator.ts';

/** A matrix within a weight tensor: the value at a row and a column is `values[offset of the row + column * columnStep]`. */
interface Weights {
  values: Float32Array;
  rowOffsets: number[];
  columnStep: number;
  columns: number;
}

/**
 * Packs weights as the kernels read them: panels of eight columns, each led by its columns' biases, then row by row; the rest of the
 * last panel is zeros.
 *
 * @returns their address
 */
export function packPanels(heap: Heap, { values, rowOffsets, columnStep, columns }: Weights, bias: Float32Array | undefined): number {
  const floats = 8 * Math.ceil(columns / 8) * (rowOffsets.length + 1);
  const address = heap.allocate(floats);
  const into = heap.floats(address, floats);
  const offsets = Int32Array.from(rowOffsets);
  let at = 0;
  for (let first = 0; first < columns; first += 8) {
    const width = Math.min(8, columns - first);
    if (bias) into.set(bias.subarray(first, first + width), at);
    at += 8;
    // Plain indices: a cold start goes through every weight here.
    for (let row = 0; row < offsets.length; row++, at += 8) {
      const from = (offsets[row] as number) + first * columnStep;
      for (let j = 0; j < width; j++) into[at + j] = values[from + j * columnStep] as number;
    }
  }
  return address;
}

/** Fewer images than these go through `multiplyVector` one by one, which reads the weights once for each. */
const TILE = 3;

/** Gemm: x [K] times weights [K, n], plus bias. */
function dense(context: Context, input: Value): Value {
  const { heap, table, steps, products, node } = context;
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
  const [xBytes, yBytes] = [4 * length, 4 * n];
  // Whole panels are written, beyond n and over the next image's values, so images go in order; after the last there is room.
  const step: Step = (images) => {
    if (images >= TILE) convolve(input.address, xBytes, 0, 0, 1, xBytes, 0, weights, n, value.address, yBytes, 0, 0, images, 1, 1, table);
    else
      for (let image = 0; image < images; image++)
        multiplyVector(input.address + xBytes * image, length, weights, panels, value.address + yBytes * image);
  };
  steps.push(step);
  products.push({ kernel, input, value, weights, step });
  joinBounds(context);
  return value;
}

/**
 * Joins the last three products, if they are a layer's of an image, and of centre and radius of the box around it: W x + b, W c + b' and
 * |W| r + b''. With few images, reading the weights takes longer than the arithmetic, so they are read once. `orderNodes` brings the
 * three together.
 */
function joinBounds({ heap, steps, products }: Context): void {
  const three = products.slice(-3);
  const [ofImage, ofCentre, ofRadius] = three as [Product, Product, Product];
  const areAdjacent = three.length === 3 && three.every(({ step }, i) => step === steps[steps.length - 3 + i]);
  if (!areAdjacent || ofImage.kernel !== ofCentre.kernel || ofCentre.kernel !== ofRadius.kernel.absoluteOf) return;
  const [length, n] = ofImage.kernel.shape as [number, number];
  const panels = Math.ceil(n / 8);
  const { multiplyWithBounds } = heap.kernels;
  steps.splice(-3, 3, (images) => {
    if (images >= TILE) {
      for (const { step } of three) step(images);
      return;
    }
    for (let image = 0; image < images; image++) {
      const [x, c, r] = three.map(({ input }) => input.address + 4 * length * image) as [number, number, number];
      const [y, d, z] = three.map(({ value }) => value.address + 4 * n * image) as [number, number, number];
      multiplyWithBounds(x, c, r, length, ofImage.weights, ofCentre.weights, ofRadius.weights, panels, y, d, z);
    }
  });
}

export const denseOperators: Record<string, Operator> = { Gemm: ofValue(dense) };
