import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { convertModel } from '../../export/convert-model.ts';
import { createGraph, modelBytes, valueInfo } from '../../export/onnx/graph-builder.ts';
import { createWeightStore, WEIGHTS_FILE } from '../../export/onnx/weight-store.ts';
import { fromChannelsLast, toChannelsLast } from '../../trainer/model/layer.ts';

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

/**
 * Writes a model as a graph image → y and, if asked, dx: the gradient of sum(y * dy) with respect to the image. Channels last outside.
 *
 * @returns the graph's bytes and weights
 */
export function graphOf(model: tf.LayersModel, withGradient = false): [bytes: Uint8Array, weights: Uint8Array] {
  const store = createWeightStore();
  const graph = createGraph(store);
  const shape = model.inputs[0]?.shape.slice(1) as number[];
  const info = (name: string, of: readonly number[]) => valueInfo(name, 'float', ['N', ...of]);
  const { value, pullback } = convertModel(graph, model, { name: fromChannelsLast(graph, { name: 'image', shape }), shape });
  graph.rename(toChannelsLast(graph, value), 'y');
  const inputs = [info('image', shape)];
  const outputs = [info('y', value.shape)];
  if (withGradient) {
    const gradient = pullback(fromChannelsLast(graph, { name: 'dy', shape: value.shape }));
    graph.rename(toChannelsLast(graph, { name: gradient, shape }), 'dx');
    inputs.push(info('dy', value.shape));
    outputs.push(info('dx', shape));
  }
  return [modelBytes(graph.proto('model', inputs, outputs)), store.bytes()];
}

/** Compares a model with its graph in ONNX Runtime: y within 1e-5 and, if asked, the gradient within 2e-5. */
export async function compareWithOnnx(model: tf.LayersModel, x: tf.Tensor, withGradient: boolean): Promise<void> {
  const y = model.predict(x) as tf.Tensor;
  const dy = tf.randomNormal(y.shape, 0, 1, 'float32', 6);
  const inputs = { image: x, ...(withGradient ? { dy } : {}) };
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, tensorOf(tensor.dataSync() as Float32Array, tensor.shape)]),
  );
  const answers = await runGraph(...graphOf(model, withGradient), feeds);
  const check = (name: string, expected: tf.Tensor, tolerance: number) => {
    const { dims, data } = answers[name] as ort.Tensor;
    const difference = largestDifference(data as Float32Array, expected.dataSync());
    if (dims.join() !== expected.shape.join() || !(difference < tolerance))
      throw new Error(`${name} [${dims}] in ONNX Runtime differs by ${difference} from [${expected.shape}] in tfjs`);
  };
  check('y', y, 1e-5);
  if (withGradient) check('dx', tf.grad((input) => (model.predict(input) as tf.Tensor).mul(dy).sum())(x), 2e-5);
}

export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...Array.from(expected, (value, i) => Math.abs(value - (actual[i] as number))));
}
