import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { labelAndDistance, screenGraph } from '../../export/graphs.ts';
import { createGraph, modelBytes, valueInfo } from '../../export/onnx/graph-builder.ts';
import { createWeightStore } from '../../export/onnx/weight-store.ts';
import { reclassifyGraph } from '../../export/reclassify-graph.ts';
import { defaultSearch, type SearchOptions } from '../../export/search-options.ts';
import {
  EVIDENCE_SCALE,
  latentDistance,
  nearestMean,
  PRIOR_IN_MARGIN,
  precisionsOf,
  squaredEuclidean,
} from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { ConversionError } from '../../trainer/model/layer.ts';
import { largestDifference, runGraph, tensorOf } from './run-graph.ts';
import { randomImages, tinyParts } from './tiny-model.ts';

beforeAll(useWasm);

const floats = (answers: Awaited<ReturnType<typeof runGraph>>, name: string) => answers[name]?.data as Float32Array;
const labels = (answers: Awaited<ReturnType<typeof runGraph>>) => answers.label?.data as BigInt64Array;

const images = (values: Float32Array) => ({ image: tensorOf(values, [values.length / 64, 8, 8, 1]) });

describe('screen.onnx', () => {
  it.each(['spherical', 'diagonal', 'full'] as const)('scores as shared/ does, %s covariances', async (kind) => {
    const parts = tinyParts(kind);
    const store = createWeightStore();
    const bytes = screenGraph(store, parts);
    const x = randomImages(20, 4);
    const answers = await runGraph(bytes, store.bytes(), images(x));
    const z = floats(answers, 'latent');
    const precisions = precisionsOf(parts.covariances, 4);
    for (let i = 0; i < 20; i++) {
      const latent = Array.from(z.subarray(4 * i, 4 * i + 4));
      const label = nearestMean(latent, parts.means);
      expect(Number(labels(answers)[i])).toBe(label);
      const expected = latentDistance(latent, parts.means[label] as number[], precisions[label] as number[][]);
      expect(floats(answers, 'latent_distance')[i]).toBeCloseTo(expected, 4);
      const reconstruction = floats(answers, 'reconstruction').subarray(64 * i, 64 * i + 64);
      const error = reconstruction.reduce((sum, value, j) => sum + (value - (x[64 * i + j] as number)) ** 2, 0);
      expect(floats(answers, 'reconstruction_error')[i]).toBeCloseTo(error, 4);
    }
    expect(largestDifference(z, (parts.encoder.predict(tf.tensor4d(x, [20, 8, 8, 1])) as tf.Tensor).dataSync())).toBeLessThan(1e-5);
  });

  it('keeps the distance exact where a full covariance is nearly singular', async () => {
    // One strong direction over a floor that is 10^5 times smaller, as one-hot latents have (they nearly sum to one).
    const d = 10;
    const random = randomFrom(2, 'latents');
    const strong = Array.from({ length: d }, () => random.uniform() - 0.5);
    const matrix = strong.map((a, i) => strong.map((b, j) => 0.01 * a * b + (i === j ? 1e-7 : 0)));
    const means = [0, 1].map((y) => strong.map((_, i) => (i === y ? 1 : 0)));
    const parts = { ...tinyParts(), means, covariances: { kind: 'full' as const, values: [matrix, matrix] } };
    const graph = createGraph(createWeightStore());
    graph.rename(labelAndDistance(graph, parts, 'latent').distance, 'distance');
    const bytes = modelBytes(graph.proto('distance', [valueInfo('latent', 'float', ['N', d])], [valueInfo('distance', 'float', ['N'])]));
    const along = Array.from({ length: 200 }, () => 0.2 * (random.uniform() - 0.5));
    const z = Float32Array.from(along.flatMap((s) => strong.map((u, i) => (i === 0 ? 1 : 0) + s * u + 1e-3 * (random.uniform() - 0.5))));
    const answers = await runGraph(bytes, new Uint8Array(), { latent: tensorOf(z, [200, d]) });
    const precision = precisionsOf(parts.covariances, d)[0] as number[][];
    for (const [n, distance] of floats(answers, 'distance').entries()) {
      const expected = latentDistance(z.subarray(n * d, (n + 1) * d), means[0] as number[], precision);
      expect(Math.abs(distance - expected) / expected).toBeLessThan(1e-4);
    }
  });

  it('refuses models whose shapes do not fit the bundle', () => {
    const decoder = tf.sequential({ layers: [tf.layers.dense({ units: 64, inputShape: [4] })] });
    expect(() => screenGraph(createWeightStore(), { ...tinyParts(), decoder })).toThrow('the decoder answers [64]');
    const encoder = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 8, 1] })] });
    expect(() => screenGraph(createWeightStore(), { ...tinyParts(), encoder })).toThrow('the encoder answers [64]');
  });

  it('answers NaN for an image that holds one, and leaves the others alone', async () => {
    const parts = tinyParts();
    const store = createWeightStore();
    const bytes = screenGraph(store, parts);
    const x = randomImages(2);
    const alone = await runGraph(bytes, store.bytes(), images(x.slice(64)));
    x[5] = Number.NaN;
    const both = await runGraph(bytes, store.bytes(), images(x));
    expect(floats(both, 'latent_distance')[0]).toBeNaN();
    expect(floats(both, 'reconstruction_error')[0]).toBeNaN();
    expect(floats(both, 'reconstruction_error')[1]).toBeCloseTo(floats(alone, 'reconstruction_error')[0] as number, 4);
  });
});

describe('reclassify.onnx', () => {
  interface Start {
    z: tf.Tensor2D;
    mean: tf.Tensor2D;
    evidence: number;
    moments: [tf.Tensor, tf.Tensor];
    best: { objective: number; error: number; latent: number[] };
  }

  /** The same search written in tfjs, a start after the other: Adam, the best latent of any step kept, the worse starts left behind. */
  function search(
    { decoder, encoder, means }: ReturnType<typeof tinyParts>,
    x: Float32Array,
    { stages, encoding, learningRate, priorWeight, encoderWeight }: SearchOptions,
  ) {
    const target = tf.tensor4d(x, [1, 8, 8, 1]);
    const errorOf = (latent: tf.Tensor) => tf.squaredDifference(decoder.predict(latent) as tf.Tensor, target).sum() as tf.Scalar;
    const encoded = encoder.predict(target) as tf.Tensor2D;
    const evidenceOf = (mean: number[]) => encoderWeight * Math.log1p(squaredEuclidean(encoded.dataSync(), mean) / EVIDENCE_SCALE);
    const at = (z: tf.Tensor2D): Start => {
      const latent = Array.from(z.dataSync());
      const mean = means[nearestMean(latent, means)] as number[];
      const best = { objective: Number.POSITIVE_INFINITY, error: Number.POSITIVE_INFINITY, latent };
      return { z, mean: tf.tensor2d([mean]), evidence: evidenceOf(mean), moments: [tf.zerosLike(z), tf.zerosLike(z)], best };
    };
    const errorAt = (z: tf.Tensor2D) => errorOf(z).dataSync()[0] as number;
    const ofMeans = means.map((mean) => tf.tensor2d([mean])).sort((a, b) => errorAt(a) - errorAt(b));
    const latents = [...ofMeans.slice(0, stages[0]?.starts), ...(encoding ? [encoded] : [])];
    let starts = latents.map(at);
    const left: Start[] = [];
    let t = 0;
    for (const [i, stage] of stages.entries()) {
      // What each stage came to, also of starts that go on: with the error that they have now.
      left.push(...starts.map((start) => ({ ...start })));
      if (i > 0) starts = starts.sort((a, b) => a.best.objective - b.best.objective).slice(0, stage.starts);
      const passes = stage.steps + (i === stages.length - 1 ? 1 : 0);
      for (let pass = 0; pass < passes; pass++) {
        t++;
        for (const start of starts) {
          const objectiveOf = (z: tf.Tensor) => errorOf(z).add(tf.squaredDifference(z, start.mean).sum().mul(priorWeight)) as tf.Scalar;
          const { value, grad } = tf.valueAndGrad(objectiveOf)(start.z);
          const objective = (value.dataSync()[0] as number) + start.evidence;
          if (objective < start.best.objective) start.best = { objective, error: errorAt(start.z), latent: Array.from(start.z.dataSync()) };
          const [m, v] = [start.moments[0].mul(0.9).add(grad.mul(0.1)), start.moments[1].mul(0.999).add(grad.square().mul(0.001))];
          start.moments = [m, v];
          const root = v.div(1 - 0.999 ** t).sqrt().add(1e-8); // biome-ignore format: a formula
          start.z = start.z.sub(m.div(1 - 0.9 ** t).div(root).mul(learningRate)) as tf.Tensor2D; // biome-ignore format: a formula
        }
      }
    }
    const all = [...left, ...starts].map(({ best }) => best).sort((a, b) => a.objective - b.objective);
    const labelOf = ({ latent }: Start['best']) => nearestMean(latent, means);
    const [best] = all as [Start['best']];
    const second = all.filter((other) => labelOf(other) !== labelOf(best)).sort((a, b) => a.error - b.error)[0];
    const prior = PRIOR_IN_MARGIN * priorWeight * squaredEuclidean(best.latent, means[labelOf(best)] as number[]);
    return { ...best, runnerUp: second ? labelOf(second) : -1, runnerUpError: second && Math.max(0, second.error - prior) };
  }

  const stages = (...pairs: [starts: number, steps: number][]) => pairs.map(([starts, steps]) => ({ starts, steps }));

  const PAPER = { priorWeight: 0, encoderWeight: 0 };

  it.each<[string, SearchOptions]>([
    ['all means at once', { ...PAPER, stages: [{ starts: 3, steps: 30 }], encoding: false, learningRate: 0.05 }],
    ['with the latent of the encoder', { ...PAPER, stages: [{ starts: 3, steps: 10 }], encoding: true, learningRate: 0.05 }],
    ['the two nearest means, then one', { ...PAPER, stages: stages([2, 4], [1, 9]), encoding: false, learningRate: 0.03 }],
    ['stages with more starts than there are', { ...PAPER, stages: stages([9, 3], [9, 3], [2, 0]), encoding: true, learningRate: 0.03 }],
    ['with the prior', { stages: stages([3, 9], [2, 9]), encoding: false, learningRate: 0.05, priorWeight: 3, encoderWeight: 0 }],
    [
      "with the encoder's evidence too",
      { stages: stages([2, 5], [1, 9]), encoding: true, learningRate: 0.05, priorWeight: 3, encoderWeight: 2 },
    ],
  ])('finds what the same search in tfjs finds: %s', async (_, options) => {
    const parts = tinyParts();
    const store = createWeightStore();
    screenGraph(store, parts);
    const before = store.bytes().length;
    const bytes = reclassifyGraph(store, parts, 'the-id', options);
    expect(store.bytes().length).toBe(before);
    const x = randomImages(5, 8);
    const answers = await runGraph(bytes, store.bytes(), images(x));
    const runnerUps = answers.runner_up?.data as BigInt64Array;
    for (let i = 0; i < 5; i++) {
      const expected = search(parts, x.slice(64 * i, 64 * i + 64), options);
      expect(floats(answers, 'reconstruction_error')[i]).toBeCloseTo(expected.error, 3);
      const latent = Array.from(floats(answers, 'latent').subarray(4 * i, 4 * i + 4));
      expect(largestDifference(latent, expected.latent)).toBeLessThan(1e-2);
      expect(Number(labels(answers)[i])).toBe(nearestMean(latent, parts.means));
      expect(Number(runnerUps[i])).toBe(expected.runnerUp);
      if (expected.runnerUpError !== undefined) expect(floats(answers, 'runner_up_error')[i]).toBeCloseTo(expected.runnerUpError, 3);
      else expect(floats(answers, 'runner_up_error')[i]).toBeGreaterThan(3.4e38);
    }
    expect(answers.model_id?.data).toEqual(Array(5).fill('the-id'));
    const single = await runGraph(bytes, store.bytes(), images(x.slice(128, 192)));
    expect(floats(single, 'reconstruction_error')[0]).toBeCloseTo(floats(answers, 'reconstruction_error')[2] as number, 4);
  });

  it('weighs prior and encoder by the mean reconstruction threshold', () => {
    expect(defaultSearch({ maxReconstructionError: [60, 100] })).toMatchObject({ priorWeight: 100, encoderWeight: 20 });
  });

  it('ends with an infinite error for an image that is not finite', async () => {
    const parts = tinyParts();
    const store = createWeightStore();
    const bytes = reclassifyGraph(store, parts, 'id', parts.search);
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = randomImages(1);
      x[3] = odd;
      const answers = await runGraph(bytes, store.bytes(), images(x));
      expect(floats(answers, 'reconstruction_error')[0]).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it.each([
    ['stages', { stages: [] }],
    ['steps', { stages: [{ starts: 1, steps: Number.NaN }] }],
    ['steps', { stages: [{ starts: 1, steps: -1 }] }],
    ['starts', { stages: [{ starts: 0, steps: 1 }] }],
    ['learningRate', { learningRate: Number.NaN }],
    ['learningRate', { learningRate: 0 }],
    ['priorWeight', { priorWeight: -1 }],
    ['encoderWeight', { encoderWeight: Number.POSITIVE_INFINITY }],
  ])('refuses %s of %o', (name, options) => {
    const make = () => reclassifyGraph(createWeightStore(), tinyParts(), 'id', { ...tinyParts().search, ...options });
    expect(make).toThrow(`${name} is `);
  });

  it("names the decoder's layer that has no gradient", () => {
    const decoder = tf.sequential();
    decoder.add(tf.layers.reshape({ inputShape: [4], targetShape: [2, 2, 1] }));
    decoder.add(tf.layers.maxPooling2d({ poolSize: 1, name: 'pool' }));
    decoder.add(tf.layers.upSampling2d({ size: [4, 4] }));
    const make = () => reclassifyGraph(createWeightStore(), { ...tinyParts(), decoder }, 'id', tinyParts().search);
    expect(make).toThrow(ConversionError);
    expect(make).toThrow(/pool \(MaxPooling2D\) has no gradient rule/);
  });
});
