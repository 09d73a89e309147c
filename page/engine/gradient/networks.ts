import type { Bundle } from '../../../shared/bundle/open-bundle.ts';
import { createHeap, type Heap } from '../../../shared/runtime/heap.ts';
import { type OnnxGraph, readOnnx } from '../../../shared/runtime/read-onnx.ts';
import { layerOf, pathBetween } from './path.ts';
import { type RivalMargins, rivalMarginsOf } from './rival-margin.ts';

/** A function of a batch, [n, ...], with its gradient: `pullback` turns the gradient by the value into that by x. */
export type Differentiable = (x: Float32Array) => { value: Float32Array; pullback: (dy: Float32Array) => Float32Array };

/** The two networks within screen.onnx. */
export interface Networks {
  /** [n, H, W, C] to latents, [n, d]. */
  encoder: Differentiable;
  /** Latents to their reconstructions, [n, H, W, C]. */
  decoder: Differentiable;
  /** Images to the rival margins of their classes, in a bundle that tests them. */
  rivalMargins: RivalMargins | null;
}

/**
 * Reads the layers of a graph between two of its values as one differentiable function, by reverse mode. Weights are constants: only the
 * gradient by the input is computed.
 *
 * @param shape of `from`, without the batch
 * @param most images of a batch
 * @throws NoGradientError naming the operator if a node between them is no known layer
 */
export function layersBetween(heap: Heap, graph: OnnxGraph, from: string, shape: number[], to: string, most: number): Differentiable {
  let last = shape;
  const layers = pathBetween(graph, from, to).map((node) => {
    const layer = layerOf({ node, shape: last, constants: graph.constants, heap, most });
    last = layer.shape;
    return layer;
  });
  return (x) => {
    const values = [x];
    for (const layer of layers) values.push(layer.forward(values.at(-1) as Float32Array));
    const pullback = (dy: Float32Array) =>
      layers.reduceRight((gradient, layer, i) => layer.backward(values[i] as Float32Array, values[i + 1] as Float32Array, gradient), dy);
    return { value: values.at(-1) as Float32Array, pullback };
  };
}

/**
 * Reads encoder and decoder out of screen.onnx, onto the project's own kernels.
 *
 * @param kernels compiled from shared/kernels/screening.wasm
 * @param most images of a batch
 * @throws NoGradientError if a layer has no gradient rule
 */
export function networksOf(kernels: WebAssembly.Module, { graphs, weights, screening }: Bundle, most: number): Networks {
  const { input, guarantee, thresholds, latentDim, means } = screening;
  const shape = [input.height, input.width, input.channels];
  const graph = readOnnx(graphs.screen as Uint8Array, weights);
  const heap = createHeap(kernels);
  return {
    encoder: layersBetween(heap, graph, 'image', shape, 'latent', most),
    decoder: layersBetween(heap, graph, 'latent', [latentDim], 'reconstruction', most),
    rivalMargins: guarantee && thresholds.maxRivalMargin ? rivalMarginsOf(heap, graph, shape, guarantee.radius, means.length, most) : null,
  };
}
