import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { rivalMargins } from '../../attacks/losses/rival-margin.ts';
import { screenGraph } from '../../export/graphs.ts';
import { createWeightStore } from '../../export/onnx/weight-store.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { compileGraph } from '../../shared/runtime/compile-graph.ts';
import { createHeap } from '../../shared/runtime/heap.ts';
import { readOnnx } from '../../shared/runtime/read-onnx.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { strided } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { ConversionError } from '../../trainer/model/layer.ts';
import { runGraph, tensorOf } from './run-graph.ts';
import { tinyParts } from './tiny-model.ts';

beforeAll(useWasm);
const kernels = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));
const random = randomFrom(1, 'rival margins');
const uniform = (length: number) => Float32Array.from({ length }, () => random.uniform());

const kept = (filters: number) => ({ filters, kernel: 3, stride: 1 as const });
const pool = { layer: 'MaxPooling2D' as const, size: 2 as const };
const shapes = [
  { name: 'strided, grey', input: [8, 8, 1], encoder: strided(4, 6), classes: 3, latentDim: 4 },
  { name: 'strided, colour', input: [12, 8, 3], encoder: strided(5, 9), classes: 4, latentDim: 4 },
  { name: 'max-pooling, as in the paper', input: [8, 12, 1], encoder: [kept(4), pool, kept(6), pool], classes: 2, latentDim: 5 },
  { name: 'convolutions between strides', input: [8, 8, 3], encoder: [...strided(4), kept(7), ...strided(8)], classes: 12, latentDim: 12 },
] as const;

/** A model of random weights with biases, and the graph's parts. */
function partsOf({ input: [height, width, channels], encoder, classes, latentDim }: (typeof shapes)[number], radius: number) {
  const input = { height, width, channels };
  const model = buildModel({ encoder: [...encoder], decoder: strided(4), dense: 9, latentDim, entropy: 'constant' }, input, 7);
  model.encoder.setWeights(model.encoder.getWeights().map((of, i) => of.add(tf.randomNormal(of.shape, 0, 0.05, 'float32', i + 1))));
  const means = oneHotMeans(classes, latentDim);
  const limits = means.map(() => 1);
  return {
    ...{ ...tinyParts(), ...model, input, means, guarantee: { norm: 'linf' as const, radius } },
    covariances: { kind: 'spherical' as const, values: means.map(() => 0.1) },
    thresholds: { maxLatentDistance: limits, maxReconstructionError: limits, maxRivalMargin: limits },
  };
}

describe.each(shapes)('of an encoder $name', (shape) => {
  const [height, width, channels] = shape.input;
  const size = height * width * channels;
  const count = 6;

  it('is the same in ONNX Runtime, on the kernels of the edge and in tfjs', async () => {
    const parts = partsOf(shape, 0.03);
    const store = createWeightStore();
    const bytes = screenGraph(store, parts);
    const images = uniform(count * size).map((value, i) => (i % 3 === 0 ? Math.round(value) : value));
    const answers = await runGraph(bytes, store.bytes(), { image: tensorOf(images, [count, ...shape.input]) });
    const margins = answers.rival_margin?.data as Float32Array;
    const labels = Array.from(answers.label?.data as BigInt64Array, Number);
    const heap = createHeap(kernels);
    const { input, outputs, run } = compileGraph(heap, readOnnx(bytes, store.bytes()), [...shape.input], count);
    heap.floats(input.address, images.length).set(images);
    run(count);
    const own = heap.floats(outputs.get('rival_margin')?.address as number, count);
    const twins = tf.tidy(() => rivalMargins(parts, tf.tensor4d(images, [count, ...shape.input])).arraySync()) as number[][];
    for (const [i, margin] of margins.entries()) {
      expect(margin).toBeGreaterThan(0);
      expect(Math.abs((own[i] as number) - margin)).toBeLessThan(1e-5 * (1 + margin));
      expect(Math.abs((twins[i]?.[labels[i] as number] as number) - margin)).toBeLessThan(1e-5 * (1 + margin));
    }
    // One and two images take other ways through the dense layers than more do.
    const atOnce = own.slice();
    for (const few of [1, 2]) {
      run(few);
      for (let i = 0; i < few; i++) expect(Math.abs((own[i] as number) - (atOnce[i] as number))).toBeLessThan(1e-5);
    }
    heap.floats(input.address, size).fill(Number.NaN);
    run(1);
    expect(own[0]).toBeNaN();
  });

  it('is never less than what an image within the radius reaches, and tight where the radius is next to nothing', async () => {
    for (const radius of [1e-6, 0.01, 0.2]) {
      const parts = partsOf(shape, radius);
      const images = uniform(size);
      const [margins, latents, own] = tf.tidy(() => {
        const image = tf.tensor4d(images, [1, ...shape.input]);
        const corners = tf.tensor4d(
          Float32Array.from({ length: 300 * size }, (_, i) =>
            Math.min(1, Math.max(0, (images[i % size] as number) + radius * Math.sign(random.uniform() - 0.5))),
          ),
          [300, ...shape.input],
        );
        const latentsOf = (x: tf.Tensor) => (parts.encoder.predict(x) as tf.Tensor2D).arraySync();
        return [rivalMargins(parts, image).arraySync()[0] as number[], latentsOf(corners), latentsOf(image)[0] as number[]];
      });
      const reached = (z: number[], y: number) =>
        Math.max(...z.slice(0, shape.classes).flatMap((value, t) => (t === y ? [] : [(1 + value - (z[y] as number)) / 2])));
      for (const [y, margin] of margins.entries()) {
        for (const z of latents) expect(reached(z, y)).toBeLessThanOrEqual(margin);
        if (radius === 1e-6) expect(margin - Math.max(0, reached(own, y))).toBeLessThan(2e-3);
      }
    }
  });
});

it.each([1e-6, 0.01, 0.2])('is never less than what an image within %f reaches, both on the kernels of the edge', (radius) => {
  for (const shape of shapes) {
    const parts = partsOf(shape, radius);
    const store = createWeightStore();
    const bytes = screenGraph(store, parts);
    const heap = createHeap(kernels);
    const { input, outputs, run } = compileGraph(heap, readOnnx(bytes, store.bytes()), [...shape.input], 50);
    const [margin, label, latents] = ['rival_margin', 'label', 'latent'].map((name) => outputs.get(name)?.address) as [
      number,
      number,
      number,
    ];
    const [height, width, channels] = shape.input;
    const size = height * width * channels;
    const image = uniform(size);
    heap.floats(input.address, size).set(image);
    run(1);
    const [most, y] = [heap.floats(margin, 1)[0] as number, heap.floats(label, 1)[0] as number];
    // Less what rounding to float32 adds.
    const reach = radius - 6e-8;
    const corner = (_: number, i: number) =>
      Math.min(1, Math.max(0, Math.fround((image[i % size] as number) + reach * Math.sign(random.uniform() - 0.5))));
    // One at a time and many at once add up in different orders.
    for (const count of [50, 1, 2, 50]) {
      heap.floats(input.address, count * size).set(Float32Array.from({ length: count * size }, corner));
      run(count);
      const of = heap.floats(latents, count * shape.latentDim);
      for (let i = 0; i < count; i++) {
        const z = of.subarray(i * shape.latentDim, i * shape.latentDim + shape.classes);
        for (const [t, value] of z.entries()) if (t !== y) expect((1 + value - (z[y] as number)) / 2).toBeLessThanOrEqual(most);
      }
    }
  }
});

it('is a value computed by hand', () => {
  // h = relu(x1 - x2) in [0, .9] for x = (.5, .2), r = .3; z = (1 - h, h): the share of 1 against 0 is (1 + 2 h - 1) / 2 = h.
  const encoder = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [1, 2, 1] }),
      tf.layers.dense({ units: 1, activation: 'relu' }),
      tf.layers.dense({ units: 2 }),
    ],
  });
  encoder.setWeights([tf.tensor2d([[1], [-1]]), tf.tensor1d([0]), tf.tensor2d([[-1, 1]]), tf.tensor1d([1, 0])]);
  const model = { encoder, means: oneHotMeans(2, 2), guarantee: { norm: 'linf' as const, radius: 0.3 } };
  const [toOne, toZero] = rivalMargins(model, tf.tensor4d([0.5, 0.2], [1, 1, 2, 1])).arraySync()[0] as [number, number];
  // x1 in [.2, .8], x2 in [0, .5]: h in [0, .8]; the share of 0 against 1 is (1 + 1 - 2 h) / 2 = 1 - h.
  expect(toOne).toBeCloseTo(0.8, 4);
  expect(toZero).toBeCloseTo(1, 4);
});

it('names a layer that has no bounds', () => {
  const parts = partsOf(shapes[0], 0.1);
  const odd = (activation: 'sigmoid' | 'relu', last: 'linear' | 'relu') =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [8, 8, 1] }),
        tf.layers.dense({ units: 5, activation, name: 'middle' }),
        tf.layers.dense({ units: 4, activation: last, name: 'end' }),
      ],
    });
  const write = (encoder: tf.LayersModel) => () => screenGraph(createWeightStore(), { ...parts, encoder });
  expect(write(odd('sigmoid', 'linear'))).toThrow(ConversionError);
  expect(write(odd('sigmoid', 'linear'))).toThrow(/layer middle has no interval bounds, which strict mode needs/);
  expect(write(odd('relu', 'relu'))).toThrow(/layer end has no interval bounds/);
  expect(() => rivalMargins({ ...parts, encoder: odd('sigmoid', 'linear') }, tf.zeros([1, 8, 8, 1]))).toThrow(/middle/);
});
