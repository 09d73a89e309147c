import { fromChannelsLast } from '../trainer/model/layer.ts';
import { convertModel } from './convert-model.ts';
import { encode, type GraphParts, imageInfo, imageShapeOf, labelAndDistance, latentDimOf } from './graphs.ts';
import { createGraph, type GraphBuilder, modelBytes, valueInfo } from './onnx/graph-builder.ts';
import type { WeightStore } from './onnx/weight-store.ts';

/** Successive halving: each stage goes on with the best starts of the one before. */
export interface SearchOptions {
  /** Starts taken into a stage, of the class means those whose own reconstruction is nearest, and Adam steps from each. */
  stages: readonly { starts: number; steps: number }[];
  /** Whether the encoder's own latent is a start too, beside those of the first stage. */
  encoding: boolean;
  learningRate: number;
}

/**
 * A sixteenth of the gradients of 200 steps from each of ten means, and answers that are right as often or more: `pnpm bench:reclassify`. Small
 * steps, as the classes' latents lie near their means; few, as the best error of a wrong class falls with more of them.
 */
export const defaultSearch: SearchOptions = {
  stages: [
    { starts: 10, steps: 4 },
    { starts: 5, steps: 8 },
    { starts: 2, steps: 20 },
  ],
  encoding: true,
  learningRate: 0.03,
};

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * `reclassify.onnx`: the whole search of Eq. 9, min over z of ||g(z) - x||^2, by Adam from class means and the encoder's latent, in
 * ONNX `Loop`s over all starts of all images at once, each with fewer starts than the one before. Of each image the best latent ever seen
 * is kept, whatever start and step it came from; its label is the nearest mean. An error that is not a number never counts as better, so
 * an image that is not finite ends with an infinite error.
 *
 * image [N, H, W, C] → label, latent, latent_distance, reconstruction_error, runner_up, runner_up_error, model_id (the same string for each image)
 *
 * @throws ConversionError where a layer of the decoder has no rule for its gradient; RangeError where the options can't be searched with
 */
export function reclassifyGraph(store: WeightStore, parts: GraphParts, modelId: string, search: SearchOptions): Uint8Array {
  checkSearch(search);
  const graph = createGraph(store);
  const d = latentDimOf(parts);
  const images = fromChannelsLast(graph, { name: 'image', shape: imageShapeOf(parts.input) }); // [N, C, H, W]
  const [first] = search.stages as [SearchOptions['stages'][number]];
  let starts = Math.min(first.starts, parts.means.length);
  let from = nearestMeans(graph, parts, images, starts); // [N, s, d]
  if (search.encoding) {
    from = graph.node('Concat', [from, graph.node('Unsqueeze', [encode(graph, parts), graph.ints([1])])], { axis: 1 });
    starts++;
  }
  let state = stateAt(graph, graph.node('Reshape', [from, graph.ints([-1, d])]));
  /** What each stage came to: best latents [N, s, d] and their errors [N, s]. */
  const found: { latents: string; errors: string }[] = [];
  for (const [i, stage] of search.stages.entries()) {
    if (i > 0) {
      const fewer = Math.min(stage.starts, starts);
      state = bestStarts(graph, state, starts, fewer, d);
      starts = fewer;
    }
    const targets = repeatedImages(graph, parts.input, images, starts);
    const body = searchStep(graph.body(), parts, targets, search.learningRate);
    // The last stage takes one pass more, so that its last step's latent is looked at too.
    const passes = stage.steps + (i === search.stages.length - 1 ? 1 : 0);
    state = graph.nodes('Loop', [graph.ints([passes], []), '', ...state], state.length, { body: { graph: body } });
    const [bestLatents, bestErrors] = state.slice(5) as [string, string];
    found.push({
      latents: graph.node('Reshape', [bestLatents, graph.ints([-1, starts, d])]),
      errors: graph.node('Reshape', [bestErrors, graph.ints([-1, starts])]),
    });
  }
  const errors = graph.node(
    'Concat',
    found.map((stage) => stage.errors),
    { axis: 1 },
  ); // [N, S]
  const latents = graph.node(
    'Concat',
    found.map((stage) => stage.latents),
    { axis: 1 },
  ); // [N, S, d]
  // The last of equals: a start stands there once for each stage, and only the last one is whole where the image is not finite.
  const winner = graph.node('ArgMin', [errors], { axis: 1, keepdims: 1, select_last_index: 1 }); // [N, 1]
  const latent = graph.rename(graph.node('GatherND', [latents, winner], { batch_dims: 1 }), 'latent'); // [N, d]
  graph.rename(graph.node('ReduceMin', [errors], { axes: [1], keepdims: 0 }), 'reconstruction_error');
  const { label, distance } = labelAndDistance(graph, parts, latent);
  graph.rename(label, 'label');
  graph.rename(distance, 'latent_distance');
  runnerUp(graph, parts, latents, errors, winner);
  const zeros = graph.node('Mul', [label, graph.ints([0], [])]);
  graph.rename(graph.node('Gather', [graph.strings([modelId]), zeros]), 'model_id');
  const outputs = [
    valueInfo('label', 'int64', ['N']),
    valueInfo('latent', 'float', ['N', d]),
    valueInfo('latent_distance', 'float', ['N']),
    valueInfo('reconstruction_error', 'float', ['N']),
    valueInfo('runner_up', 'int64', ['N']),
    valueInfo('runner_up_error', 'float', ['N']),
    valueInfo('model_id', 'string', ['N']),
  ];
  return modelBytes(graph.proto('reclassify', [imageInfo(parts.input)], outputs), { model_id: modelId, search: JSON.stringify(search) });
}

/**
 * Answers the class of the best latent that is not of the winner's class, and its error: how clear the answer is. A start that was left
 * behind early counts with the error that it had come to, so the margin is one from above. -1 and the largest number where there is none.
 *
 * @param latents of all starts at the end of each stage, [N, S, d]
 * @param errors of them, [N, S]
 * @param winner [N, 1]
 */
function runnerUp(graph: GraphBuilder, { means }: GraphParts, latents: string, errors: string, winner: string): void {
  const [k, d] = [means.length, (means[0] as number[]).length];
  const scalar = (value: number) => graph.floats([value], []);
  // ||z - mu||^2 without what is the same for all means.
  const products = graph.node('MatMul', [latents, graph.floats(transposed(means), [d, k])]); // [N, S, k]
  const halves = graph.floats(means.map((mean) => mean.reduce((sum, value) => sum + value * value, 0) / 2));
  const labels = graph.node('ArgMax', [graph.node('Sub', [products, halves])], { axis: 2, keepdims: 0 }); // [N, S]
  const own = graph.node('Equal', [labels, graph.node('GatherElements', [labels, winner], { axis: 1 })]);
  const others = graph.node('Where', [own, scalar(LARGEST), graph.node('Min', [errors, scalar(LARGEST)])]);
  const second = graph.node('ArgMin', [others], { axis: 1, keepdims: 1 }); // [N, 1]
  const error = graph.node('GatherElements', [others, second], { axis: 1 });
  const found = graph.node('Less', [error, scalar(LARGEST)]);
  const label = graph.node('Where', [found, graph.node('GatherElements', [labels, second], { axis: 1 }), graph.ints([-1], [])]);
  graph.rename(graph.node('Reshape', [label, graph.ints([-1])]), 'runner_up');
  graph.rename(graph.node('Reshape', [error, graph.ints([-1])]), 'runner_up_error');
}

/** Of float32; JSON has no infinity. */
const LARGEST = 3.4028234663852886e38;

const transposed = (rows: readonly (readonly number[])[]): number[] =>
  (rows[0] as readonly number[]).flatMap((_, j) => rows.map((row) => row[j] as number));

/** @throws RangeError */
function checkSearch({ stages, learningRate }: SearchOptions): void {
  if (stages.length === 0) throw new RangeError('stages is empty; allowed is one or more');
  for (const { starts, steps } of stages) {
    if (!Number.isInteger(steps) || steps < 0) throw new RangeError(`steps is ${steps}; allowed are 0, 1, 2, ...`);
    if (!(Number.isInteger(starts) && starts >= 1)) throw new RangeError(`starts is ${starts}; allowed are 1, 2, 3, ...`);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new RangeError(`learningRate is ${learningRate}; allowed is any finite number above 0`);
}

/**
 * The class means whose own reconstruction is nearest to each image. All means are decoded once, for all images: ||x - g||^2 is
 * ||g||^2 - 2 x g up to what is the same for all.
 *
 * @returns [N, starts, d]
 */
function nearestMeans(graph: GraphBuilder, parts: GraphParts, images: string, starts: number): string {
  const { height, width, channels } = parts.input;
  const [k, d, pixels] = [parts.means.length, latentDimOf(parts), height * width * channels];
  const means = graph.floats(parts.means.flat(), [k, d]);
  if (starts === k) {
    const count = graph.node('Slice', [graph.node('Shape', [images]), graph.ints([0]), graph.ints([1])]);
    return graph.node('Expand', [
      graph.node('Unsqueeze', [means, graph.ints([0])]),
      graph.node('Concat', [count, graph.ints([k, d])], { axis: 0 }),
    ]);
  }
  const decoded = convertModel(graph, parts.decoder, { name: means, shape: [d] }).value.name;
  const generated = graph.node('Reshape', [decoded, graph.ints([k, pixels])]);
  const squares = graph.node('ReduceSumSquare', [generated], { axes: [1], keepdims: 0 }); // [k]
  const products = graph.node('MatMul', [
    graph.node('Reshape', [images, graph.ints([-1, pixels])]),
    graph.node('Transpose', [generated], { perm: [1, 0] }),
  ]);
  const errors = graph.node('Sub', [squares, graph.node('Mul', [products, graph.floats([2], [])])]); // [N, k]
  const [, indices] = graph.nodes('TopK', [errors, graph.ints([starts])], 2, { largest: 0 }) as [string, string];
  return graph.node('Gather', [means, indices]);
}

/** What the loops carry: z, first and second moment, beta1^t, beta2^t, best z, best error. */
function stateAt(graph: GraphBuilder, starts: string): string[] {
  const zeros = graph.node('Mul', [starts, graph.floats([0], [])]);
  const infinite = graph.node('Add', [
    graph.node('ReduceSum', [zeros, graph.ints([1])], { keepdims: 1 }),
    graph.floats([Number.POSITIVE_INFINITY], []),
  ]);
  const one = graph.floats([1], []);
  return [starts, zeros, zeros, one, one, starts, infinite];
}

/** Of each image the starts that have come to the smallest errors. */
function bestStarts(graph: GraphBuilder, state: readonly string[], from: number, to: number, d: number): string[] {
  if (from === to) return [...state];
  const errors = graph.node('Reshape', [state[6] as string, graph.ints([-1, from])]); // [N, from]
  const [, best] = graph.nodes('TopK', [errors, graph.ints([to])], 2, { largest: 0 }) as [string, string];
  const indices = graph.node('Unsqueeze', [best, graph.ints([2])]); // [N, to, 1]
  const chosen = (values: string, width: number) => {
    const perImage = graph.node('Reshape', [values, graph.ints([-1, from, width])]);
    return graph.node('Reshape', [graph.node('GatherND', [perImage, indices], { batch_dims: 1 }), graph.ints([-1, width])]);
  };
  return state.map((values, i) => (i === 3 || i === 4 ? values : chosen(values, i === 6 ? 1 : d)));
}

/** Each image as often as it has starts: [N s, C, H, W]. */
function repeatedImages(graph: GraphBuilder, { height, width, channels }: GraphParts['input'], images: string, starts: number): string {
  if (starts === 1) return images;
  const repeated = graph.node('Expand', [graph.node('Unsqueeze', [images, graph.ints([1])]), graph.ints([1, starts, 1, 1, 1])]);
  return graph.node('Reshape', [repeated, graph.ints([-1, channels, height, width])]);
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
  const { value: reconstruction, pullback } = convertModel(graph, parts.decoder, { name: 'z', shape: [d] });
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
