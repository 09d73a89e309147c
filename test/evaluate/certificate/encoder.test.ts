import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Box } from '../../../evaluate/certificate/box.ts';
import { boundedEncoder } from '../../../evaluate/certificate/encoder.ts';
import { CertificateError, readGraph } from '../../../evaluate/certificate/read-graph.ts';
import { randomFrom } from '../../../shared/random.ts';
import { useWasm } from '../../../trainer/backend/wasm/wasm.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { graphOf, runGraph, tensorOf } from '../../export/run-graph.ts';
import { tinyArchitecture } from '../../export/tiny-model.ts';

beforeAll(useWasm);

const [RADIUS, POINTS] = [0.08, 60];

/** Architectures that together have every layer of an encoder, with odd sizes, padding on one side, and one channel or several. */
const encoders = {
  strided: [{ height: 8, width: 12, channels: 1 }, [{ filters: 5, kernel: 4, stride: 2 }, { filters: 6, kernel: 3, stride: 2 }]],
  pooled: [
    { height: 8, width: 8, channels: 3 },
    [{ filters: 5, kernel: 3, stride: 1 }, { layer: 'MaxPooling2D', size: 2 }, { filters: 7, kernel: 2, stride: 1 }],
  ],
} as const; // biome-ignore format: a row each

function made(name: keyof typeof encoders) {
  const [input, encoder] = encoders[name];
  const model = buildModel({ ...tinyArchitecture, encoder: [...encoder], decoder: [{ filters: 2, kernel: 3, stride: 1 }] }, input, 5);
  const [bytes, weights] = graphOf(model.encoder);
  const size = input.height * input.width * input.channels;
  return { input, bytes, weights, size, bounded: boundedEncoder(readGraph(bytes, weights), [input.height, input.width, input.channels]) };
}

describe.each(Object.keys(encoders) as (keyof typeof encoders)[])('bounds of an encoder, %s', (name) => {
  it('hold the latents of corners and other points of the ball, by the exported graph', async () => {
    const { input, bytes, weights, size, bounded } = made(name);
    const random = randomFrom(3, name);
    const image = Float32Array.from({ length: size }, () => Math.max(0, 1.4 * random.uniform() - 0.2));
    const points = Float32Array.from({ length: POINTS * size }, (_, i) => {
      const move = i < (POINTS * size) / 2 ? Math.sign(random.uniform() - 0.5) : 2 * random.uniform() - 1;
      return Math.min(1, Math.max(0, (image[i % size] as number) + RADIUS * 0.999999 * move));
    });
    const { y } = await runGraph(bytes, weights, { image: tensorOf(points, [POINTS, input.height, input.width, input.channels]) });
    const latent = bounded.bound(image, RADIUS).at(-1) as Box;
    const values = y?.data as Float32Array;
    const direction = [1, -1, 0.5, 0];
    const most = [...bounded.upperBounds(bounded.bound(image, RADIUS), direction)];
    for (let p = 0; p < POINTS; p++) {
      const own = values.subarray(4 * p, 4 * p + 4);
      for (const [j, value] of own.entries()) {
        expect(value).toBeGreaterThanOrEqual(latent.lower[j] as number);
        expect(value).toBeLessThanOrEqual(latent.upper[j] as number);
      }
      const along = direction.reduce((sum, a, j) => sum + a * (own[j] as number), 0);
      for (const bound of most) expect(along).toBeLessThanOrEqual(bound);
    }
    // What the latent's dimensions have in common cancels.
    expect(most[1]).toBeLessThan(most[0] as number);
    expect(Math.min(...most.slice(2))).toBeLessThan(most[1] as number);
  });

  it('shrink to the latent itself, up to rounding', async () => {
    const { input, bytes, weights, size, bounded } = made(name);
    const random = randomFrom(4, name);
    const image = Float32Array.from({ length: size }, () => random.uniform());
    const { y } = await runGraph(bytes, weights, { image: tensorOf(image, [1, input.height, input.width, input.channels]) });
    const latent = bounded.bound(image, 0).at(-1) as Box;
    for (const [j, value] of Array.from(y?.data as Float32Array).entries()) {
      expect((latent.lower[j] as number) + (latent.upper[j] as number)).toBeCloseTo(2 * value, 4);
      expect((latent.upper[j] as number) - (latent.lower[j] as number)).toBeLessThan(2e-3);
    }
  });
});

it('one layer reaches its bounds at a corner of the ball', () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], weights: [tf.tensor2d([1, 2, -1, 0, 0.5, -3], [3, 2]), tf.tensor1d([0, 1])] })] }); // biome-ignore format: a line
  const latent = boundedEncoder(readGraph(...graphOf(model)), [3])
    .bound([0.5, 0.5, 1], 0.25)
    .at(-1) as Box;
  // W x + b with x in [.25, .75] x [.25, .75] x [.75, 1]
  for (const [j, [low, high]] of (
    [
      [-0.125, 1],
      [-1.5, 0.25],
    ] as const
  ).entries()) {
    // biome-ignore format: a row
    expect(latent.lower[j]).toBeCloseTo(low, 5);
    expect(latent.upper[j]).toBeCloseTo(high, 5);
  }
});

describe('what has no bounds', () => {
  const refused = (layer: tf.layers.Layer, shape: number[]) => {
    const input = tf.input({ shape, name: 'image' });
    const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
    return () => boundedEncoder(readGraph(...graphOf(model)), shape);
  };

  it('is named, with what is supported', () => {
    const sigmoid = refused(tf.layers.dense({ units: 2, activation: 'sigmoid' }), [3]);
    expect(sigmoid).toThrow(CertificateError);
    expect(sigmoid).toThrow(/Sigmoid_\w+ .*no bounds.*Conv, Gemm, .*Relu/);
    expect(refused(tf.layers.upSampling2d({ size: [2, 2] }), [2, 2, 1])).toThrow(/Resize_\w+/);
  });

  it('is a graph that ends in images, or in weights beyond its file', () => {
    const [bytes, weights] = graphOf(tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] }));
    expect(() => readGraph(bytes, weights.subarray(0, 8))).toThrow(/holds 2 values, its shape needs 6/);
    expect(refused(tf.layers.maxPooling2d({ poolSize: 2 }), [4, 4, 2])).toThrow(/not in a latent/);
  });
});
