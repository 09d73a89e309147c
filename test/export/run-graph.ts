import type * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { convertModel } from '../../export/convert-model.ts';
import { fromChannelsLast, toChannelsLast } from '../../export/layers/dense-and-shape.ts';
import { createGraph, modelBytes, valueInfo } from '../../export/onnx/graph-builder.ts';
import { createWeightStore, WEIGHTS_FILE } from '../../export/onnx/weight-store.ts';

/** Runs an ONNX model given as bytes, with its weights, on named float tensors. */
export async function runGraph(bytes: Uint8Array, weights: Uint8Array, inputs: Record<string, ort.Tensor>) {
  const session = await ort.InferenceSession.create(
    bytes,
    weights.length > 0 ? { externalData: [{ path: WEIGHTS_FILE, data: weights }] } : {},
  );
  const outputs = await session.run(inputs);
  await session.release();
  return outputs;
}

export function tensorOf(values: Float32Array, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', values, [...shape]);
}

/** The model as a graph x → y with, where asked, the gradient of sum(y * slope) with respect to x; channels last outside. */
export async function runModel(model: tf.LayersModel, x: tf.Tensor, slope?: tf.Tensor) {
  const inside = (tensor: tf.Tensor) => tensor.shape.slice(1);
  const store = createWeightStore();
  const graph = createGraph(store);
  const input = { name: fromChannelsLast(graph, 'x', inside(x)), shape: inside(x) };
  const { value, pullback } = convertModel(graph, model, input);
  graph.rename(toChannelsLast(graph, value), 'y');
  const outputs = [valueInfo('y', 'float', ['N', ...value.shape])];
  const inputs = [valueInfo('x', 'float', ['N', ...input.shape])];
  const feeds: Record<string, ort.Tensor> = { x: tensorOf(x.dataSync() as Float32Array, x.shape) };
  if (slope) {
    if (!pullback) throw new Error('no pullback');
    const gradient = pullback(fromChannelsLast(graph, 'slope', inside(slope)));
    graph.rename(toChannelsLast(graph, { name: gradient, shape: input.shape }), 'dx');
    outputs.push(valueInfo('dx', 'float', ['N', ...input.shape]));
    inputs.push(valueInfo('slope', 'float', ['N', ...inside(slope)]));
    feeds.slope = tensorOf(slope.dataSync() as Float32Array, slope.shape);
  }
  return runGraph(modelBytes(graph.proto('model', inputs, outputs)), store.bytes(), feeds);
}

export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...Array.from(expected, (value, i) => Math.abs(value - (actual[i] as number))));
}
