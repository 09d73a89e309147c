import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { crossEntropyGradient as byTfjs } from '../../../attacks/losses/cross-entropy.ts';
import { screenGraph } from '../../../export/graphs.ts';
import { createWeightStore } from '../../../export/onnx/weight-store.ts';
import { crossEntropyGradient } from '../../../page/engine/attack.ts';
import { layersBetween, networksOf } from '../../../page/engine/gradient/networks.ts';
import { createHeap } from '../../../shared/runtime/heap.ts';
import { readOnnx } from '../../../shared/runtime/read-onnx.ts';
import { architectures } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { input, randomImages, tinyArchitecture, tinyParts } from '../../export/tiny-model.ts';
import { kernels } from './open-networks.ts';

describe.each([
  ['strided', tinyArchitecture, input],
  ['pooled, in colour', { ...tinyArchitecture, ...architectures['paper-28'] }, { height: 16, width: 16, channels: 3 as const }],
])('of a model that is %s', (_, architecture, size) => {
  const parts = { ...tinyParts(), ...buildModel(architecture, size, 3), input: size };
  const store = createWeightStore();
  const graph = screenGraph(store, parts);
  const bundle = { graphs: { screen: graph }, weights: store.bytes(), screening: { ...parts, latentDim: 4 } };
  const networks = networksOf(kernels, bundle as never, 4);
  const pixels = size.height * size.width * size.channels;
  const batch = randomImages((3 * pixels) / 64);

  it('the cross-entropy has the gradient that tfjs computes', () => {
    const image = batch.slice(0, pixels);
    const expected = byTfjs(
      { ...parts, input: size } as never,
      tf.tensor4d(image, [1, size.height, size.width, size.channels]),
      [1],
    ).dataSync();
    const actual = crossEntropyGradient(networks, bundle.screening as never, image, 1);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-4);
    expect(Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number))))).toBeLessThan(1e-5);
  });

  it('the decoder has the gradient that tfjs computes, for each latent of a batch', () => {
    const latents = Float32Array.from({ length: 12 }, (__, i) => Math.sin(i));
    const { value, pullback } = networks.decoder(latents);
    const decoded = (parts.decoder.predict(tf.tensor2d(latents, [3, 4])) as tf.Tensor).dataSync();
    expect(Math.max(...value.map((pixel, i) => Math.abs(pixel - (decoded[i] as number))))).toBeLessThan(1e-5);
    // One by one: of a batch, tfjs gets the gradient of an upsampling wrong.
    const expected = [0, 1, 2].flatMap((row) => {
      const weights = tf.tensor4d(batch.slice(row * pixels, (row + 1) * pixels), [1, size.height, size.width, size.channels]);
      const gradient = tf.grad((z) => (parts.decoder.apply(z) as tf.Tensor).mul(weights).sum());
      return Array.from(gradient(tf.tensor2d(latents.slice(4 * row, 4 * row + 4), [1, 4])).dataSync());
    });
    const actual = pullback(batch);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number))))).toBeLessThan(1e-4);
  });
});

it('a graph with a node that is no known layer is refused by its name', () => {
  const store = createWeightStore();
  const graph = readOnnx(screenGraph(store, tinyParts()), store.bytes());
  const heap = createHeap(kernels);
  expect(() => layersBetween(heap, graph, 'image', [8, 8, 1], 'label', 1)).toThrow('Unsqueeze has no gradient rule (there are: Relu,');
  expect(() => layersBetween(heap, graph, 'elsewhere', [8, 8, 1], 'latent', 1)).toThrow('no layers from elsewhere to latent');
});
