import { convertModel } from './convert-model.ts';
import { type GraphParts, latentDimOf } from './graphs.ts';
import { type GraphBuilder, valueInfo } from './onnx/graph-builder.ts';
import type { SearchOptions } from './search-options.ts';

/**
 * Values that the Loops carry: latent z, Adam's first and second moment m and v, beta1^t, beta2^t, and the best latent so far with its
 * objective. A row is a start: [N s, d], objectives [N s, 1]; the powers are scalars.
 */
export const CARRIED = ['z', 'm', 'v', 'power1', 'power2', 'best_z', 'best_objective'] as const;
/** Values that stay with a start: the mean of its class [N s, d], and what the encoder's latent says of that class [N s, 1]. */
const CONSTANT = ['mean', 'evidence'] as const;

type Carried = Record<(typeof CARRIED)[number], string>;
type State = Carried & Record<(typeof CONSTANT)[number], string>;

const isScalar = (name: string) => name.startsWith('power');
const widthOf = (name: string, d: number) => (name === 'best_objective' || name === 'evidence' ? 1 : d);

export const named = <T extends string>(names: readonly T[], values: readonly string[]) =>
  Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<T, string>;

/** Returns the state before the first step. */
export function initialState(graph: GraphBuilder, start: Pick<State, 'z' | 'mean' | 'evidence'>): State {
  const zeros = graph.node('Mul', [start.z, graph.scalar(0)]);
  const zero = graph.node('ReduceSum', [zeros, graph.ints([1])], { keepdims: 1 });
  const infinite = graph.node('Add', [zero, graph.scalar(Number.POSITIVE_INFINITY)]);
  const one = graph.scalar(1);
  return { ...start, m: zeros, v: zeros, power1: one, power2: one, best_z: start.z, best_objective: infinite };
}

/** Writes what a latent costs apart from its reconstruction, [N s, 1], with half the gradient by it; null for the paper's search. */
export function penaltyOf(
  graph: GraphBuilder,
  z: string,
  { mean, evidence }: Pick<State, 'mean' | 'evidence'>,
  { priorWeight, encoderWeight }: SearchOptions,
) {
  if (priorWeight === 0 && encoderWeight === 0) return null;
  const away = graph.node('Sub', [z, mean]);
  const square = graph.node('ReduceSumSquare', [away], { axes: [1], keepdims: 1 });
  const weight = graph.scalar(priorWeight);
  return {
    value: graph.node('Add', [graph.node('Mul', [square, weight]), evidence]),
    halfGradient: graph.node('Mul', [away, weight]),
  };
}

/** Keeps the `to` starts of each image that have come to the smallest objectives. */
export function bestStarts(graph: GraphBuilder, state: State, from: number, to: number, d: number): State {
  if (from === to) return state;
  const objectives = graph.node('Reshape', [state.best_objective, graph.ints([-1, from])]); // [N, from]
  const [, best] = graph.nodes('TopK', [objectives, graph.ints([to])], 2, { largest: 0 }) as [string, string];
  const indices = graph.node('Unsqueeze', [best, graph.ints([2])]); // [N, to, 1]
  const chosen = (values: string, width: number) => {
    const perImage = graph.node('Reshape', [values, graph.ints([-1, from, width])]);
    return graph.node('Reshape', [graph.node('GatherND', [perImage, indices], { batch_dims: 1 }), graph.ints([-1, width])]);
  };
  const names = [...CARRIED, ...CONSTANT] as const;
  return named(
    names,
    names.map((name) => (isScalar(name) ? state[name] : chosen(state[name], widthOf(name, d)))),
  );
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Writes a Loop's body: evaluates the objective, keeps the best latent so far, and takes one step of Adam (Kingma and Ba, 2015, algorithm
 * 1).
 *
 * @param state holds the constants of each start
 */
export function searchStep(graph: GraphBuilder, parts: GraphParts, targets: string, state: State, search: SearchOptions) {
  const d = latentDimOf(parts);
  const times = (a: string, b: string | number) => graph.node('Mul', [a, typeof b === 'number' ? graph.scalar(b) : b]);
  const plus = (a: string, b: string) => graph.node('Add', [a, b]);

  const { value: reconstruction, pullback } = convertModel(graph, parts.decoder, { name: 'z', shape: [d] });
  const difference = graph.node('Sub', [reconstruction.name, targets]); // [N s, C, H, W]
  const error = graph.node('Reshape', [graph.node('ReduceSumSquare', [difference], { axes: [1, 2, 3], keepdims: 0 }), graph.ints([-1, 1])]);
  const penalty = penaltyOf(graph, 'z', state, search);
  const objective = penalty ? plus(error, penalty.value) : error;
  // False for an objective that is not a number.
  const better = graph.node('Less', [objective, 'best_objective']);
  const bestLatent = graph.node('Where', [better, 'z', 'best_z']);
  const bestObjective = graph.node('Where', [better, objective, 'best_objective']);

  const halfGradient = pullback(difference);
  const gradient = times(penalty ? plus(halfGradient, penalty.halfGradient) : halfGradient, 2);
  const m = plus(times('m', BETA1), times(gradient, 1 - BETA1));
  const v = plus(times('v', BETA2), times(times(gradient, gradient), 1 - BETA2));
  const power1 = times('power1', BETA1);
  const power2 = times('power2', BETA2);
  const unbiased = (moment: string, power: string) => graph.node('Div', [moment, graph.node('Sub', [graph.scalar(1), power])]);
  const root = plus(graph.node('Sqrt', [unbiased(v, power2)]), graph.scalar(EPSILON));
  const z = graph.node('Sub', ['z', times(graph.node('Div', [unbiased(m, power1), root]), search.learningRate)]);
  const keepOn = graph.node('Identity', ['keep_on']);

  const carried = (names: Carried) =>
    CARRIED.map((name) => valueInfo(names[name], 'float', isScalar(name) ? [] : ['Nk', widthOf(name, d)]));
  const inputs = [valueInfo('iteration', 'int64', []), valueInfo('keep_on', 'bool', []), ...carried(named(CARRIED, CARRIED))];
  const next: Carried = { z, m, v, power1, power2, best_z: bestLatent, best_objective: bestObjective };
  return graph.proto('search_step', inputs, [valueInfo(keepOn, 'bool', []), ...carried(next)]);
}
