import * as tf from '@tensorflow/tfjs';
import { CholeskyDecomposition } from 'ml-matrix';
import type { Covariances, Guarantee, Screening, Thresholds } from '../shared/bundle/screening-schema.ts';
import { precisionsOf } from '../shared/decision/latent-space.ts';
import { OPTIONAL_GRAPH_SCORES, type OptionalGraphScore, SCORES, testedScores } from '../shared/score-table.ts';
import { ConversionError, fromChannelsLast, toChannelsLast } from '../trainer/model/layer.ts';
import { convertModel } from './convert-model.ts';
import { createGraph, type GraphBuilder, modelBytes, valueInfo } from './onnx/graph-builder.ts';
import type { WeightStore } from './onnx/weight-store.ts';
import { writeRivalMargin } from './rival-margin.ts';

/** The parts that the graphs are made from. */
export interface GraphParts {
  /** image [N, H, W, C] → latent [N, d] */
  encoder: tf.LayersModel;
  /** latent [N, d] → image [N, H, W, C] */
  decoder: tf.LayersModel;
  input: Screening['input'];
  means: number[][];
  covariances: Covariances;
  /** An optional score is an output of the graphs where there are thresholds for it. */
  thresholds: Thresholds;
  /** Of strict mode: the rival margin is then a score. */
  guarantee?: Guarantee | undefined;
}

export const imageInfo = ({ height, width, channels }: Screening['input'], name = 'image') =>
  valueInfo(name, 'float', ['N', height, width, channels]);

const latentInfo = (parts: GraphParts) => valueInfo('latent', 'float', ['N', latentDimOf(parts)]);

export const latentDimOf = (parts: GraphParts) => (parts.means[0] as number[]).length;

export const imageShapeOf = ({ height, width, channels }: Screening['input']) => [height, width, channels];

/** Writes `encoder.onnx`: image → latent. */
export function encoderGraph(store: WeightStore, parts: GraphParts): Uint8Array {
  const graph = createGraph(store);
  graph.rename(encode(graph, parts), 'latent');
  return modelBytes(graph.proto('encoder', [imageInfo(parts.input)], [latentInfo(parts)]));
}

/** Writes `decoder.onnx`: latent → reconstruction. */
export function decoderGraph(store: WeightStore, parts: GraphParts): Uint8Array {
  const graph = createGraph(store);
  graph.rename(decode(graph, parts, 'latent'), 'reconstruction');
  return modelBytes(graph.proto('decoder', [latentInfo(parts)], [imageInfo(parts.input, 'reconstruction')]));
}

/** Writes `screen.onnx`: image → latent, label, latent_distance, reconstruction_error, the optional scores, reconstruction. */
export function screenGraph(store: WeightStore, parts: GraphParts): Uint8Array {
  const graph = createGraph(store);
  const latent = graph.rename(encode(graph, parts), 'latent');
  const { label, distance } = labelAndDistance(graph, parts, latent);
  const reconstruction = graph.rename(decode(graph, parts, latent), 'reconstruction');
  const difference = graph.node('Sub', ['image', reconstruction]);
  graph.rename(label, 'label');
  graph.rename(distance, 'latent_distance');
  graph.rename(graph.node('ReduceSumSquare', [difference], { axes: [1, 2, 3], keepdims: 0 }), 'reconstruction_error');
  const optional = optionalOutputs(graph, parts, { latent, label: 'label' });
  const outputs = [
    latentInfo(parts),
    valueInfo('label', 'int64', ['N']),
    valueInfo('latent_distance', 'float', ['N']),
    valueInfo('reconstruction_error', 'float', ['N']),
    ...optional,
    imageInfo(parts.input, 'reconstruction'),
  ];
  return modelBytes(graph.proto('screen', [imageInfo(parts.input)], outputs));
}

/** Writes the encoder's nodes. @returns the latent, [N, d] */
export function encode(graph: GraphBuilder, parts: GraphParts): string {
  const shape = imageShapeOf(parts.input);
  const { name, shape: latent } = convertModel(graph, parts.encoder, {
    name: fromChannelsLast(graph, { name: 'image', shape }),
    shape,
  }).value;
  assertShape('encoder', latent, [latentDimOf(parts)]);
  return name;
}

function decode(graph: GraphBuilder, parts: GraphParts, latent: string): string {
  const { value } = convertModel(graph, parts.decoder, { name: latent, shape: [latentDimOf(parts)] });
  assertShape('decoder', value.shape, imageShapeOf(parts.input));
  return toChannelsLast(graph, value);
}

function assertShape(model: string, actual: readonly number[], expected: readonly number[]): void {
  if (`${actual}` === `${expected}`) return;
  throw new ConversionError(`the ${model} answers [${actual.join(', ')}] for each input; the bundle needs [${expected.join(', ')}]`);
}

/**
 * Writes the label, the mean that is nearest to the latent in the Euclidean sense (the first of equals), and the squared Mahalanobis
 * distance (z - mu)^T Sigma^-1 (z - mu) to that mean.
 */
export function labelAndDistance(graph: GraphBuilder, parts: GraphParts, latent: string): { label: string; distance: string } {
  const d = latentDimOf(parts);
  const k = parts.means.length;
  const means = graph.floats(parts.means.flat(), [k, d]);
  const away = graph.node('Sub', [graph.node('Unsqueeze', [latent, graph.ints([1])]), means]); // [N, k, d]
  const squares = graph.node('ReduceSumSquare', [away], { axes: [2], keepdims: 0 });
  const label = graph.node('ArgMin', [squares], { axis: 1, keepdims: 0 });
  const delta = graph.node('Sub', [latent, graph.node('Gather', [means, label])]); // [N, d]
  const precisions = precisionsOf(parts.covariances, d);
  if (parts.covariances.kind === 'full') {
    // With Sigma^-1 = L L^T the distance is ||(z - mu)^T L||^2: never below zero, and exact in float32 if Sigma is nearly singular.
    const factors = precisions.flatMap((precision) => choleskyFactor(precision).flat());
    const factor = graph.node('Gather', [graph.floats(factors, [k, d, d]), label]); // [N, d, d]
    const row = graph.node('MatMul', [graph.node('Unsqueeze', [delta, graph.ints([1])]), factor]); // [N, 1, d]
    return { label, distance: graph.node('ReduceSumSquare', [row], { axes: [1, 2], keepdims: 0 }) };
  }
  const diagonals = precisions.flatMap((matrix) => matrix.map((row, i) => row[i] as number));
  const precision = graph.node('Gather', [graph.floats(diagonals, [k, d]), label]);
  const weighted = graph.node('Mul', [graph.node('Mul', [delta, delta]), precision]);
  return { label, distance: graph.node('ReduceSum', [weighted, graph.ints([1])], { keepdims: 0 }) };
}

/** Writes an optional score of the image for the label. @returns a value, [N] */
type WriteScore = (graph: GraphBuilder, parts: GraphParts, values: { latent: string; label: string }) => string;

/** Their twins in tfjs, for calibration and for attacks, are in attacks/losses/class-scores.ts. */
const OPTIONAL: Record<OptionalGraphScore, WriteScore> = {
  meanReconstructionError(graph, { decoder, means, input }, { label }) {
    const decoded = tf.tidy(() => (decoder.predict(tf.tensor2d(means)) as tf.Tensor).dataSync() as Float32Array).slice();
    const images = graph.weight(decoded, [means.length, ...imageShapeOf(input)]);
    const difference = graph.node('Sub', ['image', graph.node('Gather', [images, label])]);
    return graph.node('ReduceSumSquare', [difference], { axes: [1, 2, 3], keepdims: 0 });
  },
  rivalMargin: (graph, parts, { label }) => writeRivalMargin(graph, parts, label),
};

/** Writes the optional scores that the parts have thresholds for, and describes these outputs. */
export function optionalOutputs(graph: GraphBuilder, parts: GraphParts, values: { latent: string; label: string }) {
  const tested = testedScores(parts.thresholds);
  return OPTIONAL_GRAPH_SCORES.filter((name) => tested.includes(name)).map((name) => {
    const output = SCORES[name].from;
    graph.rename(OPTIONAL[name](graph, parts, values), output);
    return valueInfo(output, 'float', ['N']);
  });
}

/** Returns the lower triangular L with L L^T = matrix. @throws RangeError if the matrix is not positive definite */
function choleskyFactor(matrix: readonly (readonly number[])[]): number[][] {
  // ml-matrix refuses a matrix whose halves differ by rounding.
  const symmetric = matrix.map((row, i) => row.map((value, j) => (j < i ? value : (matrix[j]?.[i] as number))));
  const decomposition = new CholeskyDecomposition(symmetric);
  if (!decomposition.isPositiveDefinite()) throw new RangeError('a precision is not positive definite');
  return decomposition.lowerTriangularMatrix.to2DArray();
}
