import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { randomFrom } from '../../shared/random.ts';

const random = randomFrom(11, 'layer gradients');
const STEP = 0.01;

/** Distinct values, so far from each other and from 0 that a small step changes no maximum, no sign and no end (6) of relu6. */
export function spread(shape: number[]): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, (_, i) => ((i + 0.5) / size - 0.5) * 15);
  return tf.tensor(random.shuffle(values), shape);
}

/** Checks a layer's gradients, with respect to x and to its weights, against numerical derivatives. */
export function checkGradients(layer: tf.layers.Layer, x: tf.Tensor): void {
  const first = layer.apply(x, { training: true }) as tf.Tensor;
  const dy = tf.tensor(
    Float32Array.from({ length: first.size }, () => random.normal()),
    first.shape,
  );
  const loss = (input: tf.Tensor) => (layer.apply(input, { training: true }) as tf.Tensor).mul(dy).sum() as tf.Scalar;
  const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  compare(tf.grad(loss)(x), numerical(x, loss));
  if (weights.length === 0) return;
  const { grads } = tf.variableGrads(() => loss(x), weights);
  for (const weight of weights) {
    const was = weight.clone();
    const at = (moved: tf.Tensor) => {
      weight.assign(moved);
      return loss(x);
    };
    const expected = numerical(was, at);
    weight.assign(was);
    compare(grads[weight.name] as tf.Tensor, expected);
  }
}

function numerical(x: tf.Tensor, loss: (moved: tf.Tensor) => tf.Scalar): number[] {
  const values = x.dataSync();
  return Array.from(values, (value, i) => {
    const at = (by: number) => {
      const moved = values.slice();
      moved[i] = value + by;
      return loss(tf.tensor(moved, x.shape)).dataSync()[0] as number;
    };
    return (at(STEP) - at(-STEP)) / (2 * STEP);
  });
}

function compare(actual: tf.Tensor, expected: number[]): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  const values = actual.dataSync();
  expect(values.length).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - (values[i] as number)) / scale))).toBeLessThan(5e-3);
}
