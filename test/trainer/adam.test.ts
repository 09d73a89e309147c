import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { adam } from '../../trainer/adam.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { parametersOf } from '../../trainer/gradient/parameters.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { input, tinyArchitecture } from '../export/tiny-model.ts';

beforeAll(useWasm);

const random = randomFrom(6, 'adam');
const STEPS = 25;
const largest = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] as number))), 0);

describe('Adam over one vector', () => {
  it('makes the steps of the algorithm, in double precision, and averages them', () => {
    const parameters = parametersOf(buildModel(tinyArchitecture, input, 3));
    const optimizer = adam(parameters, { beta2: 0.99, averageDecay: 0.9 });
    const w = Array.from(parameters.values().dataSync());
    const [m, v, average] = [w.map(() => 0), w.map(() => 0), [...w]];
    for (let t = 1; t <= STEPS; t++) {
      const gradient = Float32Array.from(w, () => random.normal());
      const rate = 0.01 / t;
      optimizer.step(tf.tensor1d(gradient), rate);
      const decay = Math.min(0.9, (1 + t) / (10 + t));
      gradient.forEach((g, i) => {
        m[i] = 0.9 * (m[i] as number) + 0.1 * g;
        v[i] = 0.99 * (v[i] as number) + 0.01 * g * g;
        const [corrected, scale] = [(m[i] as number) / (1 - 0.9 ** t), Math.sqrt((v[i] as number) / (1 - 0.99 ** t))];
        w[i] = (w[i] as number) - (rate * corrected) / (scale + 1e-7);
        average[i] = decay * (average[i] as number) + (1 - decay) * (w[i] as number);
      });
    }
    expect(largest(parameters.values().dataSync(), w)).toBeLessThan(2e-6);
    expect(largest(optimizer.average().dataSync(), average)).toBeLessThan(2e-6);
  });

  it("makes the steps of tfjs's own Adam, weight by weight, and leaves no tensor behind", () => {
    const parameters = parametersOf(buildModel(tinyArchitecture, input, 3));
    const optimizer = adam(parameters, { beta2: 0.999, averageDecay: 0 });
    const twin = parametersOf(buildModel(tinyArchitecture, input, 3));
    const own = tf.train.adam(0.01, 0.9, 0.999);
    const step = () => {
      const values = Float32Array.from({ length: parameters.count }, () => random.normal());
      const gradient = tf.tensor1d(values);
      optimizer.step(gradient, 0.01);
      let at = 0;
      const tensors = twin.weights.map(({ name, shape, size }) => {
        const tensor = tf.tensor(values.slice(at, at + size), shape);
        at += size;
        return { name, tensor };
      });
      own.applyGradients(tensors);
      tf.dispose([gradient, ...tensors.map(({ tensor }) => tensor)]);
    };
    step();
    const before = tf.memory().numTensors;
    for (let i = 1; i < STEPS; i++) step();
    expect(tf.memory().numTensors).toBe(before);
    expect(largest(parameters.values().dataSync(), twin.values().dataSync())).toBeLessThan(5e-6);
  });
});
