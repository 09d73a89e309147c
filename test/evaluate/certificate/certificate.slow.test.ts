import * as tf from '@tensorflow/tfjs';
import type { Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { certificateOf, type PossibleClasses } from '../../../evaluate/certificate/certificate.ts';
import { encoderGraph, screenGraph } from '../../../export/graphs.ts';
import { createWeightStore } from '../../../export/onnx/weight-store.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { useWasm } from '../../../trainer/backend/wasm/wasm.ts';
import { strided } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { runGraph, tensorOf } from '../../export/run-graph.ts';
import { input, tinyArchitecture, tinyParts } from '../../export/tiny-model.ts';
import { CLASSES, drawBars } from './bars.ts';

const [IMAGES, RADIUS, STEPS] = [60, 0.03, 20];

const { images, labels } = drawBars(IMAGES, 2);
let encoder: tf.LayersModel;
let screen: (images: Float32Array) => Promise<{ label: number; accepted: boolean }[]>;
let possible: PossibleClasses;
let means: tf.Tensor2D;

beforeAll(async () => {
  await useWasm();
  const parts = { ...tinyParts('spherical'), covariances: { kind: 'spherical' as const, values: [0.04, 0.05, 0.06] } };
  parts.thresholds = { maxLatentDistance: [9, 7, 8], maxReconstructionError: [1e9, 1e9, 1e9] };
  parts.encoder = buildModel({ ...tinyArchitecture, encoder: strided(4) }, input, 3).encoder;
  encoder = parts.encoder;
  means = tf.tensor2d(parts.means);
  const train = drawBars(600, 1);
  encoder.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
  const targets = means.gather(tf.tensor1d(train.labels, 'int32'));
  await encoder.fit(tf.tensor4d(train.images, [600, 8, 8, 1]), targets, { epochs: 12, verbose: 0, shuffle: false });
  const store = createWeightStore();
  const [bytes, whole] = [encoderGraph(store, parts), screenGraph(store, parts)];
  const weights = store.bytes();
  possible = certificateOf(bytes, weights, { ...parts, input, latentDim: 4 } as unknown as Screening);
  screen = async (batch) => {
    const { label, latent_distance: distance } = await runGraph(whole, weights, { image: tensorOf(batch, [batch.length / 64, 8, 8, 1]) });
    const distances = Array.from((distance as Tensor).data as Float32Array);
    return Array.from((label as Tensor).data as BigInt64Array, Number).map((y, i) => {
      return { label: y, accepted: (distances[i] as number) <= (parts.thresholds.maxLatentDistance[y] as number) };
    });
  };
});

/** Descends from the images to the mean of a class, by signs of the gradient within the ball. @returns the images of every step */
function descend(target: number): Float32Array[] {
  const origin = tf.tensor4d(images, [IMAGES, 8, 8, 1]);
  const gradient = tf.grad((x) =>
    (encoder.predict(x) as tf.Tensor)
      .sub(means.gather([target]))
      .square()
      .sum(),
  );
  const [low, high] = [origin.sub(RADIUS).maximum(0), origin.add(RADIUS).minimum(1)];
  let x: tf.Tensor = origin;
  return Array.from({ length: STEPS }, () => {
    x = x
      .sub(
        gradient(x)
          .sign()
          .mul(RADIUS / 6),
      )
      .maximum(low)
      .minimum(high);
    return x.dataSync() as Float32Array;
  });
}

describe('the certificate of a trained model', () => {
  it('excludes nothing that an attack finds, image by image; both say something of these images', async () => {
    const found = Array.from({ length: IMAGES }, () => new Set<number>());
    for (const attacked of [[images], ...Array.from({ length: CLASSES }, (_, t) => descend(t))].flat())
      for (const [i, { label, accepted }] of (await screen(attacked)).entries()) if (accepted) found[i]?.add(label);
    const proven = found.map((_, i) => possible(images.subarray(64 * i, 64 * (i + 1)), RADIUS));
    for (const [i, classes] of found.entries()) for (const y of classes) expect(proven[i]).toContain(y);
    const wrong = (of: Iterable<number>, i: number) => [...of].some((y) => y !== labels[i]);
    const [foundWrong, provenWrong] = [found.filter(wrong).length, proven.filter(wrong).length];
    expect(foundWrong).toBeGreaterThan(0);
    expect(provenWrong).toBeLessThan(IMAGES - 10);
  });

  it('excludes what the screen rejects, at a radius of 0', async () => {
    for (const [i, { label, accepted }] of (await screen(images)).entries())
      expect(possible(images.subarray(64 * i, 64 * (i + 1)), 0)).toEqual(accepted ? [label] : []);
  });

  it('excludes no class that a smaller radius did not exclude', () => {
    for (let i = 0; i < 10; i++) {
      const image = images.subarray(64 * i, 64 * (i + 1));
      const sets = [0, 0.03, 0.06, 0.3].map((radius) => new Set(possible(image, radius)));
      for (const [j, set] of sets.slice(1).entries()) expect(set.isSupersetOf(sets[j] as Set<number>)).toBe(true);
      expect(sets.at(-1)?.size).toBe(CLASSES);
    }
  });
});
