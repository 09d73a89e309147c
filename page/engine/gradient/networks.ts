import type { Bundle } from '../../../shared/bundle/open-bundle.ts';
import { createHeap, type Heap } from '../../../shared/runtime/heap.ts';
import { type OnnxGraph, type OnnxNode, readOnnx } from '../../../shared/runtime/read-onnx.ts';
import { layerRules, NoGradientError } from './layer.ts';
import { productRules } from './products.ts';

/** A function of a batch, [n, ...], with its gradient: `pullback` turns the gradient by the value into that by x. */
export type Differentiable = (x: Float32Array) => { value: Float32Array; pullback: (dy: Float32Array) => Float32Array };

/** The two networks within screen.onnx. */
export interface Networks {
  /** [n, H, W, C] to latents, [n, d]. */
  encoder: Differentiable;
  /** Latents to their reconstructions, [n, H, W, C]. */
  decoder: Differentiable;
}

const rules = { ...layerRules, ...productRules };

/**
 * Reads the layers of a graph between two of its values as one differentiable function, by reverse mode. Weights are constants: only the
 * gradient by the input is computed.
 *
 * @param shape of `from`, without the batch
 * @param most images of a batch
 * @throws NoGradientError naming the operator if a node between them is no known layer
 */
export function layersBetween(heap: Heap, graph: OnnxGraph, from: string, shape: number[], to: string, most: number): Differentiable {
  const producers = new Map(graph.nodes.map((node) => [node.output, node]));
  const path: OnnxNode[] = [];
  for (let name = to; name !== from; name = path[0]?.inputs[0] ?? '') {
    const node = producers.get(name);
    if (!node) throw new NoGradientError(`screen.onnx has no layers from ${from} to ${to}: nothing gives ${name || 'an input'}`);
    path.unshift(node);
  }
  let last = shape;
  const layers = path.map((node) => {
    const rule = rules[node.op];
    if (!rule) throw new NoGradientError(`${node.op} has no gradient rule (there are: ${Object.keys(rules).join(', ')})`);
    const layer = rule({ node, shape: last, constants: graph.constants, heap, most });
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
  const { height, width, channels } = screening.input;
  const graph = readOnnx(graphs.screen as Uint8Array, weights);
  const heap = createHeap(kernels);
  return {
    encoder: layersBetween(heap, graph, 'image', [height, width, channels], 'latent', most),
    decoder: layersBetween(heap, graph, 'latent', [screening.latentDim], 'reconstruction', most),
  };
}
