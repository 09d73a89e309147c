import { EVIDENCE_SCALE } from '../shared/decision/latent-space.ts';
import { fromChannelsLast } from '../trainer/model/layer.ts';
import { convertModel } from './convert-model.ts';
import { encode, type GraphParts, imageShapeOf, latentDimOf } from './graphs.ts';
import type { GraphBuilder } from './onnx/graph-builder.ts';
import type { SearchOptions } from './search-options.ts';
import { bestStarts, CARRIED, initialState, named, penaltyOf, searchStep } from './search-step.ts';

/**
 * Writes the search of Eq. 9 as a maximum a posteriori estimate: the smallest, over classes y and latents z, of
 *
 *   ||g(z) - x||^2 + lambda ||z - mu_y||^2 + kappa log(1 + ||f(x) - mu_y||^2 / s).
 *
 * The second term is the mixture's prior, with which the model was trained (Eq. 7). The third takes the encoder's own latent as evidence, a
 * Student's t distribution around each mean: it decides between classes that explain the image about equally well, and says next to
 * nothing where an attack threw the latent far from all means. With lambda = kappa = 0 it is the paper's Eq. 9.
 *
 * Adam in ONNX `Loop`s, over all starts of all images at once; each start belongs to a class.
 *
 * @returns what each start came to at the end of each stage, S in all: latents [N, S, d], and [N, S] the objectives and reconstruction errors.
 *   The last stage stands last
 */
export function searchLatents(graph: GraphBuilder, parts: GraphParts, search: SearchOptions) {
  const { stages } = search;
  const d = latentDimOf(parts);
  const images = fromChannelsLast(graph, { name: 'image', shape: imageShapeOf(parts.input) }); // [N, C, H, W]
  const first = firstStarts(graph, parts, images, search);
  let { starts } = first;
  let state = first.state;
  const ends: Record<'latents' | 'objectives' | 'errors', string[]> = { latents: [], objectives: [], errors: [] };
  for (const [i, stage] of stages.entries()) {
    if (i > 0) {
      const fewer = Math.min(stage.starts, starts);
      state = bestStarts(graph, state, starts, fewer, d);
      starts = fewer;
    }
    const targets = repeatedImages(graph, parts.input, images, starts);
    const body = searchStep(graph.body(), parts, targets, state, search);
    // The last stage takes one more pass, which evaluates the latent of its last step.
    const passes = stage.steps + (i === stages.length - 1 ? 1 : 0);
    const inputs = [graph.ints([passes], []), '', ...CARRIED.map((name) => state[name])];
    state = { ...state, ...named(CARRIED, graph.nodes('Loop', inputs, CARRIED.length, { body: { graph: body } })) };
    const perImage = (values: string) => graph.node('Reshape', [values, graph.ints([-1, starts])]);
    ends.latents.push(graph.node('Reshape', [state.best_z, graph.ints([-1, starts, d])]));
    ends.objectives.push(perImage(state.best_objective));
    const penalty = penaltyOf(graph, state.best_z, state, search)?.value;
    ends.errors.push(perImage(penalty ? difference(graph, state.best_objective, penalty) : state.best_objective));
  }
  const joined = (values: string[]) => graph.node('Concat', values, { axis: 1 });
  return { latents: joined(ends.latents), objectives: joined(ends.objectives), errors: joined(ends.errors) };
}

/** Subtracts what an objective holds beside the error; of an image that is not finite the error is infinite, as its objective. */
function difference(graph: GraphBuilder, objective: string, penalty: string): string {
  const error = graph.node('Sub', [objective, penalty]);
  return graph.node('Where', [graph.node('IsNaN', [error]), graph.scalar(Number.POSITIVE_INFINITY), error]);
}

/** Writes the starts of the first stage: the nearest class means, and the encoder's latent with the class nearest to it. */
function firstStarts(graph: GraphBuilder, parts: GraphParts, images: string, { stages, encoding, encoderWeight }: SearchOptions) {
  const d = latentDimOf(parts);
  const starts = Math.min((stages[0] as SearchOptions['stages'][number]).starts, parts.means.length);
  let means = nearestMeans(graph, parts, images, starts); // [N, s, d]
  let from = means;
  const latent = graph.node('Unsqueeze', [encode(graph, parts), graph.ints([1])]); // [N, 1, d]
  if (encoding) {
    from = graph.node('Concat', [means, latent], { axis: 1 });
    const nearest = graph.node('Gather', [graph.floats(parts.means.flat(), [parts.means.length, d]), nearestLabels(graph, parts, latent)]);
    means = graph.node('Concat', [means, nearest], { axis: 1 });
  }
  const away = graph.node('ReduceSumSquare', [graph.node('Sub', [means, latent])], { axes: [2], keepdims: 0 }); // [N, s]
  const tail = graph.node('Log', [graph.node('Add', [graph.node('Div', [away, graph.scalar(EVIDENCE_SCALE)]), graph.scalar(1)])]);
  const evidence = graph.node('Mul', [tail, graph.scalar(encoderWeight)]);
  const rows = (values: string, width: number) => graph.node('Reshape', [values, graph.ints([-1, width])]);
  const state = initialState(graph, { z: rows(from, d), mean: rows(means, d), evidence: rows(evidence, 1) });
  return { state, starts: starts + (encoding ? 1 : 0) };
}

/** Returns the label of each latent, [..., d]: the nearest mean in the Euclidean sense. */
export function nearestLabels(graph: GraphBuilder, { means }: Pick<GraphParts, 'means'>, latents: string): string {
  const [k, d] = [means.length, (means[0] as number[]).length];
  const columns = (means[0] as number[]).flatMap((_, j) => means.map((mean) => mean[j] as number));
  // argmin of ||z - mu||^2 is argmax of z mu - ||mu||^2 / 2.
  const products = graph.node('MatMul', [latents, graph.floats(columns, [d, k])]);
  const halves = graph.floats(means.map((mean) => mean.reduce((sum, value) => sum + value * value, 0) / 2));
  return graph.node('ArgMax', [graph.node('Sub', [products, halves])], { axis: -1, keepdims: 0 });
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

/** Repeats each image for its starts: [N s, C, H, W]. */
function repeatedImages(graph: GraphBuilder, { height, width, channels }: GraphParts['input'], images: string, starts: number): string {
  if (starts === 1) return images;
  const repeated = graph.node('Expand', [graph.node('Unsqueeze', [images, graph.ints([1])]), graph.ints([1, starts, 1, 1, 1])]);
  return graph.node('Reshape', [repeated, graph.ints([-1, channels, height, width])]);
}
