import { boxRadius, roundingShare, UNDERFLOW } from '../../../shared/decision/interval-rounding.ts';
import type { Heap } from '../../../shared/runtime/heap.ts';
import type { Constant, OnnxGraph, OnnxNode } from '../../../shared/runtime/read-onnx.ts';
import { type Layer, NoGradientError } from './layer.ts';
import { layerOf, pathBetween } from './path.ts';

/** Rival margins of a batch, [n], each for its own class; `pullback` turns the gradient by them into that by the images. */
export type RivalMargins = (
  images: Float32Array,
  classes: readonly number[],
) => { value: number[]; pullback: (dy: readonly number[]) => Float32Array };

/** Bounds of an activation, each [n, ...]. */
interface Box {
  lower: Float32Array;
  upper: Float32Array;
}

/** A layer on bounds: `backward` turns the gradient by its results into that by its inputs. */
interface BoundedLayer {
  shape: number[];
  forward(box: Box): Box;
  backward(from: Box, to: Box, by: Box): Box;
}

/**
 * Reads the encoder as a function to the rival margin of a class, with its gradient: what screen.onnx answers for the label
 * (`export/rival-margin.ts`), and `attacks/losses/rival-margin.ts` by tfjs for training and evaluation.
 *
 * @param shape of the image, [H, W, C]
 * @param radius of the bundle's guarantee
 * @param most images of a batch
 * @throws NoGradientError if a layer has no bounds
 */
export function rivalMarginsOf(heap: Heap, graph: OnnxGraph, shape: number[], radius: number, classes: number, most: number): RivalMargins {
  const path = pathBetween(graph, 'image', 'latent').filter(({ op }) => op !== 'Identity');
  const last = path.pop();
  if (last?.op !== 'Gemm') throw new NoGradientError(`the last layer is ${last?.op}; a rival margin needs Gemm`);
  let reached = shape;
  const layers = path.map((node) => {
    const layer = boundedLayer(heap, graph, node, reached, most);
    reached = layer.shape;
    return layer;
  });
  const contrast = contrastsOf(graph, last, classes);
  const r = boxRadius(radius);
  return (images, of) => {
    const boxes: Box[] = [{ lower: images.map((x) => Math.max(x - r, 0)), upper: images.map((x) => Math.min(x + r, 1)) }];
    for (const layer of layers) boxes.push(layer.forward(boxes.at(-1) as Box));
    const { lower, upper } = boxes.at(-1) as Box;
    const size = lower.length / of.length;
    const rows = of.map((y, row) =>
      contrast(lower.subarray(row * size, (row + 1) * size), upper.subarray(row * size, (row + 1) * size), y),
    );
    return {
      value: rows.map(({ margin }) => margin),
      pullback(dy) {
        const first: Box = { lower: new Float32Array(lower.length), upper: new Float32Array(upper.length) };
        for (const [row, { byLower, byUpper }] of rows.entries()) {
          first.lower.set(
            byLower.map((slope) => slope * (dy[row] as number)),
            row * size,
          );
          first.upper.set(
            byUpper.map((slope) => slope * (dy[row] as number)),
            row * size,
          );
        }
        const by = layers.reduceRight((box, layer, i) => layer.backward(boxes[i] as Box, boxes[i + 1] as Box, box), first);
        return images.map((x, i) => (x - r > 0 ? (by.lower[i] as number) : 0) + (x + r < 1 ? (by.upper[i] as number) : 0));
      },
    };
  };
}

/** Bounds of a linear layer from its centre and radius (Gowal et al., ICCV 2019), widened for rounding; any other layer is monotone. */
function boundedLayer(heap: Heap, graph: OnnxGraph, node: OnnxNode, shape: number[], most: number): BoundedLayer {
  const centre = layerOf({ node, shape, constants: graph.constants, heap, most });
  if (node.op === 'Sigmoid') throw new NoGradientError('Sigmoid has no bounds here');
  if (node.op !== 'Conv' && node.op !== 'Gemm') return monotone(centre);
  const [kernel, bias] = [1, 2].map((at) => graph.constants.get(node.inputs[at] ?? ''));
  if (!kernel || !bias) throw new NoGradientError(`${node.op} without weights or bias has no bounds`);
  const share = roundingShare(kernel.values.length / (node.op === 'Conv' ? (kernel.shape[0] as number) : (kernel.shape[1] as number)));
  const constants = new Map<string, Constant>([
    ['kernel', { shape: kernel.shape, values: kernel.values.map(Math.abs) }],
    ['bias', { shape: bias.shape, values: bias.values.map((value) => share * Math.abs(value) + UNDERFLOW) }],
  ]);
  const radius = layerOf({ node: { ...node, inputs: ['', 'kernel', 'bias'] }, shape, constants, heap, most });
  return {
    shape: centre.shape,
    forward({ lower, upper }) {
      const middle = centre.forward(lower.map((value, i) => (value + (upper[i] as number)) / 2));
      const width = radius.forward(upper.map((value, i) => (value - (lower[i] as number)) / 2 + share * value));
      return {
        lower: middle.map((value, i) => value - (width[i] as number)),
        upper: middle.map((value, i) => value + (width[i] as number)),
      };
    },
    backward({ lower }, _, by) {
      const byMiddle = centre.backward(
        lower,
        lower,
        by.lower.map((value, i) => value + (by.upper[i] as number)),
      );
      const byWidth = radius.backward(
        lower,
        lower,
        by.upper.map((value, i) => value - (by.lower[i] as number)),
      );
      return {
        lower: byMiddle.map((value, i) => (value - (byWidth[i] as number)) / 2),
        upper: byMiddle.map((value, i) => (value + (byWidth[i] as number)) / 2 + share * (byWidth[i] as number)),
      };
    },
  };
}

const monotone = (layer: Layer): BoundedLayer => ({
  shape: layer.shape,
  forward: ({ lower, upper }) => ({ lower: layer.forward(lower), upper: layer.forward(upper) }),
  backward: (from, to, by) => ({
    lower: layer.backward(from.lower, to.lower, by.lower),
    upper: layer.backward(from.upper, to.upper, by.upper),
  }),
});

/** Reads the last layer as the margin of a class y: (1 + the upper bound of z_t - z_y) / 2, the largest of all t, and what covers rounding. */
function contrastsOf(graph: OnnxGraph, { inputs }: OnnxNode, classes: number) {
  const [kernel, bias] = [1, 2].map((at) => graph.constants.get(inputs[at] ?? '')) as [Constant, Constant];
  const [n, d] = kernel.shape as [number, number];
  const weight = (i: number, t: number) => kernel.values[i * d + t] as number;
  const offset = (t: number) => bias.values[t] as number;
  const all = Array.from({ length: classes }, (_, t) => t);
  const share = roundingShare(n);
  const rounding = Array.from({ length: n }, (_, i) => share * Math.max(...all.map((t) => Math.abs(weight(i, t)))));
  const least = share * Math.max(...all.map((t) => Math.abs(offset(t))));
  return (lower: Float32Array, upper: Float32Array, y: number) => {
    const boundOf = (t: number) => {
      let sum = 1 + offset(t) - offset(y);
      for (let i = 0; i < n; i++) {
        const between = weight(i, t) - weight(i, y);
        sum += between * ((between > 0 ? upper[i] : lower[i]) as number);
      }
      return sum / 2;
    };
    const bounds = all.map((t) => (t === y ? Number.NEGATIVE_INFINITY : boundOf(t)));
    const rival = bounds.indexOf(Math.max(...bounds));
    const margin = upper.reduce((sum, value, i) => sum + value * (rounding[i] as number), (bounds[rival] as number) + least);
    const slope = (isUpper: boolean) =>
      Float32Array.from({ length: n }, (_, i) => {
        const between = weight(i, rival) - weight(i, y);
        if (margin <= 0) return 0;
        return (between > 0 === isUpper ? between / 2 : 0) + (isUpper ? (rounding[i] as number) : 0);
      });
    return { margin: Math.max(margin, 0), byLower: slope(false), byUpper: slope(true) };
  };
}
