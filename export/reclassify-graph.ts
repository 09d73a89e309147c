import { PRIOR_IN_MARGIN } from '../shared/decision/latent-space.ts';
import { type GraphParts, imageInfo, labelAndDistance, latentDimOf, optionalOutputs } from './graphs.ts';
import { createGraph, type GraphBuilder, modelBytes, valueInfo } from './onnx/graph-builder.ts';
import type { WeightStore } from './onnx/weight-store.ts';
import { nearestLabels, searchLatents } from './search.ts';
import { checkSearch, type SearchOptions } from './search-options.ts';

/**
 * Writes `reclassify.onnx`: the search of Eq. 9, whose best latent per image, from any start and step, gives the answer; its label is the
 * nearest mean. An objective that is not a number never counts as better, so an image that is not finite ends with an infinite error.
 *
 * image [N, H, W, C] → label, latent, latent_distance, reconstruction_error, the optional scores, runner_up, runner_up_error, model_id
 * (equal for each image)
 *
 * @throws ConversionError if a layer of the decoder has no gradient rule; RangeError if the options are out of range
 */
export function reclassifyGraph(store: WeightStore, parts: GraphParts, modelId: string, search: SearchOptions): Uint8Array {
  checkSearch(search);
  const graph = createGraph(store);
  const { latents, objectives, errors } = searchLatents(graph, parts, search); // [N, S, d], [N, S], [N, S]
  // The last of equals: a start appears once for each stage, and only the last appearance is complete if the image is not finite.
  const winner = graph.node('ArgMin', [objectives], { axis: 1, keepdims: 1, select_last_index: 1 }); // [N, 1]
  const latent = graph.rename(graph.node('GatherND', [latents, winner], { batch_dims: 1 }), 'latent'); // [N, d]
  graph.rename(graph.node('GatherND', [errors, winner], { batch_dims: 1 }), 'reconstruction_error');
  const { label, distance } = labelAndDistance(graph, parts, latent);
  graph.rename(label, 'label');
  graph.rename(distance, 'latent_distance');
  const optional = optionalOutputs(graph, parts, { latent, label: 'label' });
  const reduction = reductionOf(graph, parts, 'latent', 'label', search.priorWeight);
  addRunnerUp(graph, parts, { latents, errors, winner, reduction });
  const zeros = graph.node('Mul', [label, graph.ints([0], [])]);
  graph.rename(graph.node('Gather', [graph.strings([modelId]), zeros]), 'model_id');
  const outputs = [
    valueInfo('label', 'int64', ['N']),
    valueInfo('latent', 'float', ['N', latentDimOf(parts)]),
    valueInfo('latent_distance', 'float', ['N']),
    valueInfo('reconstruction_error', 'float', ['N']),
    ...optional,
    valueInfo('runner_up', 'int64', ['N']),
    valueInfo('runner_up_error', 'float', ['N']),
    valueInfo('model_id', 'string', ['N']),
  ];
  return modelBytes(graph.proto('reclassify', [imageInfo(parts.input)], outputs), { model_id: modelId, search: JSON.stringify(search) });
}

/** The largest float32; JSON has no infinity. */
const LARGEST = 3.4028234663852886e38;

/** Writes what the runner-up's error is reduced by: twice the prior of the winner's latent, 2 lambda ||z - mu||^2, [N, 1]. */
function reductionOf(graph: GraphBuilder, { means }: GraphParts, latent: string, label: string, priorWeight: number): string {
  const mean = graph.node('Gather', [graph.floats(means.flat(), [means.length, (means[0] as number[]).length]), label]);
  const square = graph.node('ReduceSumSquare', [graph.node('Sub', [latent, mean])], { axes: [1], keepdims: 1 });
  return graph.node('Mul', [square, graph.scalar(PRIOR_IN_MARGIN * priorWeight)]);
}

/**
 * Answers the class that explains the image best besides the winner's, and its error less twice the winner's prior: the margin, its ratio to the
 * winner's error, tells how clear the answer is. The prior draws unknown images to a class too, but they end farther from its mean than
 * attacked ones. A start that an early stage dropped counts with the error it had then, so the true margin may be smaller. -1 and the largest
 * number mean none.
 *
 * @param found latents of all starts at the end of each stage, [N, S, d], and their errors, [N, S]; the winner's place and the reduction, [N, 1]
 */
function addRunnerUp(
  graph: GraphBuilder,
  { means }: GraphParts,
  { latents, errors, winner, reduction }: Record<'latents' | 'errors' | 'winner' | 'reduction', string>,
): void {
  const labels = nearestLabels(graph, { means }, latents); // [N, S]
  const own = graph.node('Equal', [labels, graph.node('GatherElements', [labels, winner], { axis: 1 })]);
  const largest = graph.scalar(LARGEST);
  const others = graph.node('Where', [own, largest, graph.node('Min', [errors, largest])]);
  const second = graph.node('ArgMin', [others], { axis: 1, keepdims: 1 }); // [N, 1]
  const error = graph.node('GatherElements', [others, second], { axis: 1 });
  const found = graph.node('Less', [error, largest]);
  const label = graph.node('Where', [found, graph.node('GatherElements', [labels, second], { axis: 1 }), graph.ints([-1], [])]);
  graph.rename(graph.node('Reshape', [label, graph.ints([-1])]), 'runner_up');
  const excess = graph.node('Max', [graph.node('Sub', [error, reduction]), graph.scalar(0)]);
  graph.rename(graph.node('Reshape', [excess, graph.ints([-1])]), 'runner_up_error');
}
