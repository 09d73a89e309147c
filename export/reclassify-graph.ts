import { convertModel } from './convert-model.ts';
import { type GraphParts, imageInfo, labelAndDistance, latentDimOf } from './graphs.ts';
import { fromChannelsLast } from './layers/dense-and-shape.ts';
import { ConversionError } from './layers/layer-conversion.ts';
import { createGraph, type GraphBuilder, modelBytes, valueInfo } from './onnx/graph-builder.ts';
import type { WeightStore } from './onnx/weight-store.ts';

export interface SearchOptions {
  /** Adam steps from each start. */
  steps: number;
  learningRate: number;
}

/** 100 steps reach the error that 200 do on MNIST. */
export const defaultSearch: SearchOptions = { steps: 100, learningRate: 0.05 };

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * `reclassify.onnx`: the whole search of Eq. 9, min over z of ||g(z) - x||^2, by Adam from every class mean, in one ONNX
 * `Loop` over all starts of all images at once. Of each image the best latent ever seen is kept, whatever start and step it
 * came from; its label is the nearest mean. An error that is not a number never counts as better, so an image that is not
 * finite ends with an infinite error.
 *
 * image [N, H, W, C] → label, latent, latent_distance, reconstruction_error, model_id (the same string for each image)
 *
 * @throws ConversionError where a layer of the decoder has no rule for its gradient; RangeError where the options can't be searched with
 */
export function reclassifyGraph(store: WeightStore, parts: GraphParts, modelId: string, search: SearchOptions): Uint8Array {
  if (!Number.isInteger(search.steps) || search.steps < 0) throw new RangeError(`steps is ${search.steps}; allowed are 0, 1, 2, ...`);
  if (!(search.learningRate > 0 && Number.isFinite(search.learningRate))) {
    throw new RangeError(`learningRate is ${search.learningRate}; allowed is any finite number above 0`);
  }
  const { height, width, channels } = parts.input;
  const graph = createGraph(store);
  const d = latentDimOf(parts);
  const k = parts.means.length;
  const image = fromChannelsLast(graph, 'image', [height, width, channels]);
  const repeated = graph.node('Expand', [graph.node('Unsqueeze', [image, graph.ints([1])]), graph.ints([1, k, 1, 1, 1])]);
  const targets = graph.node('Reshape', [repeated, graph.ints([-1, channels, height, width])]); // [N k, C, H, W]
  const count = graph.node('Slice', [graph.node('Shape', ['image']), graph.ints([0]), graph.ints([1])]);
  const repeats = graph.node('Concat', [count, graph.ints([1])], { axis: 0 });
  const starts = graph.node('Tile', [graph.floats(parts.means.flat(), [k, d]), repeats]); // [N k, d]
  const zeros = graph.node('Mul', [starts, graph.floats([0], [])]);
  const infinite = graph.node('Add', [
    graph.node('ReduceSum', [zeros, graph.ints([1])], { keepdims: 1 }),
    graph.floats([Number.POSITIVE_INFINITY], []),
  ]);
  const one = graph.floats([1], []);
  const state = [starts, zeros, zeros, one, one, starts, infinite];
  const body = searchStep(graph.body(), parts, targets, search.learningRate);
  // One pass more than steps, so that the last step's latent is looked at too.
  const trips = graph.ints([search.steps + 1], []);
  const results = graph.nodes('Loop', [trips, '', ...state], state.length, { body: { graph: body } });
  const [bestLatents, bestErrors] = results.slice(5) as [string, string];

  const errors = graph.node('Reshape', [bestErrors, graph.ints([-1, k])]); // [N, k]
  const winner = graph.node('ArgMin', [errors], { axis: 1, keepdims: 1 }); // [N, 1]
  const latents = graph.node('Reshape', [bestLatents, graph.ints([-1, k, d])]);
  const latent = graph.rename(graph.node('GatherND', [latents, winner], { batch_dims: 1 }), 'latent'); // [N, d]
  graph.rename(graph.node('ReduceMin', [errors], { axes: [1], keepdims: 0 }), 'reconstruction_error');
  const { label, distance } = labelAndDistance(graph, parts, latent);
  graph.rename(label, 'label');
  graph.rename(distance, 'latent_distance');
  const first = graph.node('Mul', [label, graph.ints([0], [])]);
  graph.rename(graph.node('Gather', [graph.strings([modelId]), first]), 'model_id');
  const outputs = [
    valueInfo('label', 'int64', ['N']),
    valueInfo('latent', 'float', ['N', d]),
    valueInfo('latent_distance', 'float', ['N']),
    valueInfo('reconstruction_error', 'float', ['N']),
    valueInfo('model_id', 'string', ['N']),
  ];
  const metadata = { model_id: modelId, steps: String(search.steps), learning_rate: String(search.learningRate) };
  return modelBytes(graph.proto('reclassify', [imageInfo(parts.input)], outputs), metadata);
}

/**
 * The Loop's body: one evaluation of ||g(z) - x||^2, the best so far, and one step of Adam (Kingma and Ba, 2015, algorithm 1).
 * Carried: z, first and second moment, beta1^t, beta2^t, best z, best error.
 */
function searchStep(graph: GraphBuilder, parts: GraphParts, targets: string, learningRate: number) {
  const d = latentDimOf(parts);
  const scalar = (value: number) => graph.floats([value], []);
  const times = (a: string, b: string) => graph.node('Mul', [a, b]);
  const plus = (a: string, b: string) => graph.node('Add', [a, b]);
  const { value: reconstruction, pullback, withoutGradient } = convertModel(graph, parts.decoder, { name: 'z', shape: [d] });
  if (!pullback)
    throw new ConversionError(`the decoder's layer ${withoutGradient} has no gradient rule, which the search of reclassify.onnx needs`);
  const difference = graph.node('Sub', [reconstruction.name, targets]); // [N k, C, H, W]
  const error = graph.node('Reshape', [graph.node('ReduceSumSquare', [difference], { axes: [1, 2, 3], keepdims: 0 }), graph.ints([-1, 1])]);
  const better = graph.node('Less', [error, 'best_error']);
  const bestLatent = graph.node('Where', [better, 'z', 'best_z']);
  const bestError = graph.node('Where', [better, error, 'best_error']);
  const gradient = pullback(times(difference, scalar(2)));
  const first = plus(times('m', scalar(BETA1)), times(gradient, scalar(1 - BETA1)));
  const second = plus(times('v', scalar(BETA2)), times(times(gradient, gradient), scalar(1 - BETA2)));
  const power1 = times('power1', scalar(BETA1));
  const power2 = times('power2', scalar(BETA2));
  const unbiased = (moment: string, power: string) => graph.node('Div', [moment, graph.node('Sub', [scalar(1), power])]);
  const root = plus(graph.node('Sqrt', [unbiased(second, power2)]), scalar(EPSILON));
  const step = times(graph.node('Div', [unbiased(first, power1), root]), scalar(learningRate));
  const z = graph.node('Sub', ['z', step]);
  const on = graph.node('Identity', ['keep_on']);
  const latentLike = (name: string) => valueInfo(name, 'float', ['Nk', d]);
  const inputs = [
    valueInfo('iteration', 'int64', []),
    valueInfo('keep_on', 'bool', []),
    ...['z', 'm', 'v'].map(latentLike),
    valueInfo('power1', 'float', []),
    valueInfo('power2', 'float', []),
    latentLike('best_z'),
    valueInfo('best_error', 'float', ['Nk', 1]),
  ];
  const outputs = [
    valueInfo(on, 'bool', []),
    ...[z, first, second].map(latentLike),
    valueInfo(power1, 'float', []),
    valueInfo(power2, 'float', []),
    latentLike(bestLatent),
    valueInfo(bestError, 'float', ['Nk', 1]),
  ];
  return graph.proto('search_step', inputs, outputs);
}
