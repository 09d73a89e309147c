import { fromChannelsLast } from '../trainer/model/layer.ts';
import { convertModel } from './convert-model.ts';
import { encode, type GraphParts, imageShapeOf, latentDimOf } from './graphs.ts';
import { type GraphBuilder, valueInfo } from './onnx/graph-builder.ts';

/** Successive halving: each stage continues from the best starts of the one before. */
export interface SearchOptions {
  /** The starts of each stage, and the Adam steps from each. The first stage takes the class means with the nearest reconstructions. */
  stages: readonly { starts: number; steps: number }[];
  /** Adds the encoder's own latent to the starts of the first stage. */
  encoding: boolean;
  learningRate: number;
}

/**
 * A sixteenth of the gradients of 200 steps from each of ten means, with at least as many right answers: `pnpm bench:reclassify`. The
 * steps are small, as the classes' latents lie near their means, and few, as more of them lower the best error of a wrong class.
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

/** @throws RangeError */
export function checkSearch({ stages, learningRate }: SearchOptions): void {
  if (stages.length === 0) throw new RangeError('stages is empty; allowed is one or more');
  for (const { starts, steps } of stages) {
    if (!Number.isInteger(steps) || steps < 0) throw new RangeError(`steps is ${steps}; allowed are 0, 1, 2, ...`);
    if (!(Number.isInteger(starts) && starts >= 1)) throw new RangeError(`starts is ${starts}; allowed are 1, 2, 3, ...`);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new RangeError(`learningRate is ${learningRate}; allowed is any finite number above 0`);
}

/**
 * Writes the search of Eq. 9, min over z of ||g(z) - x||^2: Adam in ONNX `Loop`s, over all starts of all images at once.
 *
 * @returns what each start came to at the end of each stage, S in all: latents [N, S, d] and errors [N, S]. The last stage stands last
 */
export function searchLatents(graph: GraphBuilder, parts: GraphParts, { stages, encoding, learningRate }: SearchOptions) {
  const d = latentDimOf(parts);
  const images = fromChannelsLast(graph, { name: 'image', shape: imageShapeOf(parts.input) }); // [N, C, H, W]
  let starts = Math.min((stages[0] as SearchOptions['stages'][number]).starts, parts.means.length);
  let from = nearestMeans(graph, parts, images, starts); // [N, s, d]
  if (encoding) {
    from = graph.node('Concat', [from, graph.node('Unsqueeze', [encode(graph, parts), graph.ints([1])])], { axis: 1 });
    starts++;
  }
  let state = initialState(graph, graph.node('Reshape', [from, graph.ints([-1, d])]));
  const latents: string[] = [];
  const errors: string[] = [];
  for (const [i, stage] of stages.entries()) {
    if (i > 0) {
      const fewer = Math.min(stage.starts, starts);
      state = bestStarts(graph, state, starts, fewer, d);
      starts = fewer;
    }
    const targets = repeatedImages(graph, parts.input, images, starts);
    const body = searchStep(graph.body(), parts, targets, learningRate);
    // The last stage takes one more pass, which evaluates the latent of its last step.
    const passes = stage.steps + (i === stages.length - 1 ? 1 : 0);
    const inputs = [graph.ints([passes], []), '', ...STATE.map((name) => state[name])];
    state = stateOf(graph.nodes('Loop', inputs, STATE.length, { body: { graph: body } }));
    latents.push(graph.node('Reshape', [state.best_z, graph.ints([-1, starts, d])]));
    errors.push(graph.node('Reshape', [state.best_error, graph.ints([-1, starts])]));
  }
  return { errors: graph.node('Concat', errors, { axis: 1 }), latents: graph.node('Concat', latents, { axis: 1 }) };
}

/**
 * Values that the Loops carry: latent z, Adam's first and second moment m and v, beta1^t, beta2^t, and the best latent so far with its
 * error. A row is a start: [N s, d], errors [N s, 1]; the powers are scalars.
 */
const STATE = ['z', 'm', 'v', 'power1', 'power2', 'best_z', 'best_error'] as const;

type State = Record<(typeof STATE)[number], string>;

const stateOf = (values: readonly string[]) => Object.fromEntries(STATE.map((name, i) => [name, values[i]])) as State;

function initialState(graph: GraphBuilder, z: string): State {
  const zeros = graph.node('Mul', [z, graph.scalar(0)]);
  const zero = graph.node('ReduceSum', [zeros, graph.ints([1])], { keepdims: 1 });
  const infinite = graph.node('Add', [zero, graph.scalar(Number.POSITIVE_INFINITY)]);
  const one = graph.scalar(1);
  return { z, m: zeros, v: zeros, power1: one, power2: one, best_z: z, best_error: infinite };
}

/**
 * Returns the class means with the nearest reconstructions to each image, [N, starts, d]. All means are decoded once, for all images:
 * ||x - g||^2 is ||g||^2 - 2 x g plus a term that is the same for all means.
 */
function nearestMeans(graph: GraphBuilder, parts: GraphParts, images: string, starts: number): string {
  const { height, width, channels } = parts.input;
  const [k, d, pixels] = [parts.means.length, latentDimOf(parts), height * width * channels];
  const means = graph.floats(parts.means.flat(), [k, d]);
  if (starts === k) {
    const count = graph.node('Slice', [graph.node('Shape', [images]), graph.ints([0]), graph.ints([1])]);
    const row = graph.node('Unsqueeze', [means, graph.ints([0])]);
    return graph.node('Expand', [row, graph.node('Concat', [count, graph.ints([k, d])], { axis: 0 })]);
  }
  const decoded = convertModel(graph, parts.decoder, { name: means, shape: [d] }).value.name;
  const generated = graph.node('Reshape', [decoded, graph.ints([k, pixels])]);
  const squares = graph.node('ReduceSumSquare', [generated], { axes: [1], keepdims: 0 }); // [k]
  const flat = graph.node('Reshape', [images, graph.ints([-1, pixels])]);
  const products = graph.node('MatMul', [flat, graph.node('Transpose', [generated], { perm: [1, 0] })]);
  const errors = graph.node('Sub', [squares, graph.node('Mul', [products, graph.scalar(2)])]); // [N, k]
  const [, indices] = graph.nodes('TopK', [errors, graph.ints([starts])], 2, { largest: 0 }) as [string, string];
  return graph.node('Gather', [means, indices]);
}

/** Keeps the `to` starts of each image that have come to the smallest errors. */
function bestStarts(graph: GraphBuilder, state: State, from: number, to: number, d: number): State {
  if (from === to) return state;
  const errors = graph.node('Reshape', [state.best_error, graph.ints([-1, from])]); // [N, from]
  const [, best] = graph.nodes('TopK', [errors, graph.ints([to])], 2, { largest: 0 }) as [string, string];
  const indices = graph.node('Unsqueeze', [best, graph.ints([2])]); // [N, to, 1]
  const chosen = (values: string, width: number) => {
    const perImage = graph.node('Reshape', [values, graph.ints([-1, from, width])]);
    return graph.node('Reshape', [graph.node('GatherND', [perImage, indices], { batch_dims: 1 }), graph.ints([-1, width])]);
  };
  return stateOf(STATE.map((name) => (name.startsWith('power') ? state[name] : chosen(state[name], name === 'best_error' ? 1 : d))));
}

/** Repeats each image for its starts: [N s, C, H, W]. */
function repeatedImages(graph: GraphBuilder, { height, width, channels }: GraphParts['input'], images: string, starts: number): string {
  if (starts === 1) return images;
  const repeated = graph.node('Expand', [graph.node('Unsqueeze', [images, graph.ints([1])]), graph.ints([1, starts, 1, 1, 1])]);
  return graph.node('Reshape', [repeated, graph.ints([-1, channels, height, width])]);
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Writes a Loop's body: evaluates ||g(z) - x||^2, keeps the best latent so far, and takes one step of Adam (Kingma and Ba, 2015,
 * algorithm 1).
 */
function searchStep(graph: GraphBuilder, parts: GraphParts, targets: string, learningRate: number) {
  const d = latentDimOf(parts);
  const times = (a: string, b: string | number) => graph.node('Mul', [a, typeof b === 'number' ? graph.scalar(b) : b]);
  const plus = (a: string, b: string) => graph.node('Add', [a, b]);

  const { value: reconstruction, pullback } = convertModel(graph, parts.decoder, { name: 'z', shape: [d] });
  const difference = graph.node('Sub', [reconstruction.name, targets]); // [N s, C, H, W]
  const error = graph.node('Reshape', [graph.node('ReduceSumSquare', [difference], { axes: [1, 2, 3], keepdims: 0 }), graph.ints([-1, 1])]);
  // False for an error that is not a number.
  const better = graph.node('Less', [error, 'best_error']);
  const bestLatent = graph.node('Where', [better, 'z', 'best_z']);
  const bestError = graph.node('Where', [better, error, 'best_error']);

  const gradient = pullback(times(difference, 2));
  const m = plus(times('m', BETA1), times(gradient, 1 - BETA1));
  const v = plus(times('v', BETA2), times(times(gradient, gradient), 1 - BETA2));
  const power1 = times('power1', BETA1);
  const power2 = times('power2', BETA2);
  const unbiased = (moment: string, power: string) => graph.node('Div', [moment, graph.node('Sub', [graph.scalar(1), power])]);
  const root = plus(graph.node('Sqrt', [unbiased(v, power2)]), graph.scalar(EPSILON));
  const z = graph.node('Sub', ['z', times(graph.node('Div', [unbiased(m, power1), root]), learningRate)]);
  const keepOn = graph.node('Identity', ['keep_on']);

  const carried = (names: State) =>
    STATE.map((name) => valueInfo(names[name], 'float', name.startsWith('power') ? [] : ['Nk', name === 'best_error' ? 1 : d]));
  const inputs = [valueInfo('iteration', 'int64', []), valueInfo('keep_on', 'bool', []), ...carried(stateOf(STATE))];
  const next: State = { z, m, v, power1, power2, best_z: bestLatent, best_error: bestError };
  return graph.proto('search_step', inputs, [valueInfo(keepOn, 'bool', []), ...carried(next)]);
}
