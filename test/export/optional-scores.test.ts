import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { gradientModel } from '../../attacks/attack.ts';
import { OPTIONAL_CLASS_SCORES } from '../../attacks/losses/class-scores.ts';
import { logRatios } from '../../attacks/losses/joint.ts';
import { writeBundle } from '../../export/write-bundle.ts';
import { answerOf, outputsMetadata, readOutputs } from '../../fallback/outputs.ts';
import { openGraph, openReclassifier, openScreener, type Screener } from '../../node/bundle/graphs.ts';
import { latentCaps } from '../../shared/bundle/guarantee.ts';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import { BundleError, openBundle, parseScreening } from '../../shared/bundle/open-bundle.ts';
import { decide } from '../../shared/decision/decide.ts';
import { openScreen } from '../../shared/runtime/open-screen.ts';
import { OPTIONAL_GRAPH_SCORES, SCORES, testedScores } from '../../shared/score-table.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { encode, scoresOf } from '../../trainer/encode.ts';
import { input, randomImages, tinyParts } from './tiny-model.ts';

// The models below are made before any hook runs.
await useWasm();
const COUNT = 20;
const images = randomImages(COUNT, 4);
const LIMITS = { meanReconstructionError: [90, 91, 92], rivalMargin: [0.5, 0.5, 0.5] };
const limits = Object.fromEntries(OPTIONAL_GRAPH_SCORES.map((name) => [SCORES[name].threshold, LIMITS[name]]));
await useWasm();
const { covariances } = tinyParts();
const strict = { guarantee: { norm: 'linf', radius: 0.1 } as const, maxLatentDistance: latentCaps(0.5, covariances) };
const parts = () => ({
  ...tinyParts(),
  guarantee: strict.guarantee,
  thresholds: { ...tinyParts().thresholds, maxLatentDistance: strict.maxLatentDistance, ...limits },
});
let directory: string;
let screener: Screener;

beforeAll(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'optional-scores-')), 'tiny');
  await writeBundle(directory, parts());
  screener = await openScreener(directory);
});
afterAll(async () => {
  await screener.close();
  await rm(directory, { recursive: true });
});

describe.each(OPTIONAL_GRAPH_SCORES)('%s', (name) => {
  const { threshold, reason, from } = SCORES[name];
  const close = (actual: number | undefined, expected: number | undefined) =>
    expect(Math.abs((actual ?? Number.NaN) - (expected as number))).toBeLessThan(1e-4 * (1 + Math.abs(expected as number)));

  it("is the same in screen.onnx, in the edge's kernels and in the trainer", async () => {
    const screened = await screener.screen(images);
    const module = await WebAssembly.compile(await readFile('shared/kernels/screening.wasm'));
    const bundle = await openBundle((file) => readFile(join(directory, file)), ['screen']);
    const write = (image: number, into: Float32Array) => into.set(images.subarray(image * 64, (image + 1) * 64));
    const output = await openScreen(module, bundle)(write, COUNT, false);
    const model = parts();
    const trained = scoresOf(encode(model, images, input, { ...model, scores: [name] }), model.means, model.covariances);
    for (const [i, { scores: expected }] of screened.entries()) {
      expect(expected[name]).toBeGreaterThan(0);
      close(output[name]?.[i], expected[name]);
      close(trained[i]?.[name], expected[name]);
    }
  });

  it('rejects by its threshold, and attacks see how far each class is from it', async () => {
    const { screening } = screener;
    const [{ scores }] = (await screener.screen(images.subarray(0, 64))) as [Awaited<ReturnType<Screener['screen']>>[number]];
    const score = scores[name] as number;
    const all = Object.keys(screening.thresholds).map((key) => [key, [1e9, 1e9, 1e9]]);
    const wide = Object.fromEntries(all) as typeof screening.thresholds;
    expect(decide(scores, { ...wide, [threshold]: [score, score, score] })).toEqual({ accepted: true });
    const less = 0.999 * score;
    expect(decide(scores, { ...wide, [threshold]: [less, less, less] })).toEqual({ accepted: false, reason });
    expect(decide({ ...scores, [name]: undefined }, wide)).toEqual({ accepted: false, reason: 'not-finite' });
    const model = gradientModel(parts(), screening);
    const x = tf.tensor4d(images.subarray(0, 64), [1, 8, 8, 1]);
    const column = 1 + testedScores(screening.thresholds).indexOf(name);
    const ratio = logRatios(model, x, [scores.label]).arraySync()[0]?.[column];
    close(ratio, Math.log(score / ((limits[threshold] as number[])[scores.label] as number)));
    const before = tf.memory().numTensors;
    const gradient = tf.tidy(() =>
      tf
        .grad((of: tf.Tensor) =>
          logRatios(model, of as tf.Tensor4D, [0])
            .slice([0, column], [1, 1])
            .sum(),
        )(x)
        .abs()
        .max()
        .dataSync(),
    );
    expect(gradient[0]).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is answered by the search for the class that it finds, and passed on by the fallback', async () => {
    const reclassifier = await openReclassifier(directory);
    const found = await reclassifier.reclassify(images.subarray(0, 3 * 64));
    await reclassifier.close();
    for (const scores of found) expect(scores[name]).toBeGreaterThan(0);
    const { run, screening, close: release } = await openGraph(directory, 'reclassify');
    const result = readOutputs(await run(images.subarray(0, 3 * 64)), 3);
    await release();
    expect(Array.from(result[name] ?? [])).toEqual(found.map((scores) => scores[name]));
    expect(outputsMetadata(screening).map((output) => output.name)).toContain(from);
    const { golden, ...others } = screening;
    const { [name]: _, ...older } = golden;
    expect(outputsMetadata({ ...others, golden: older }).map((output) => output.name)).not.toContain(from);
    expect(answerOf(result, { outputs: [] } as never, screening)).toBeDefined();
  });

  it('is no output of a bundle that does not test it; thresholds without the output are refused', async () => {
    const plain = `${directory}-plain`;
    const { screening } = await writeBundle(plain, tinyParts());
    const { run, close: release } = await openGraph(plain, 'screen');
    expect(Object.keys(await run(images))).not.toContain(from);
    await release();
    await rm(plain, { recursive: true });
    const { id: _, checksum: __, ...content } = screening;
    const claimed = await withChecksums({ ...content, thresholds: { ...content.thresholds, ...limits } });
    await expect(parseScreening(JSON.stringify(claimed))).rejects.toThrow(BundleError);
    await expect(parseScreening(JSON.stringify(claimed))).rejects.toThrow(/screen.onnx does not answer for the golden image/);
  });
});

it('a score that does not depend on the class is calculated once for all of them', () => {
  const energies = (_: unknown, { images: x }: { images: tf.Tensor4D }) => x.square().sum([1, 2, 3]).expandDims<tf.Tensor2D>(1);
  const spy = vi.spyOn(OPTIONAL_CLASS_SCORES, 'meanReconstructionError').mockImplementation(energies);
  const model = parts();
  const encodings = encode(model, images, input, { ...model, scores: ['meanReconstructionError'] });
  spy.mockRestore();
  for (const [i, { meanReconstructionError }] of encodings.entries())
    expect(meanReconstructionError).toBeCloseTo(
      images.subarray(64 * i, 64 * i + 64).reduce((sum, value) => sum + value ** 2, 0),
      4,
    );
});

it('meanReconstructionError is ||x - g(mu_label)||^2', async () => {
  const { decoder, means } = parts();
  for (const [i, { scores }] of (await screener.screen(images)).entries()) {
    const mean = (decoder.predict(tf.tensor2d([means[scores.label] as number[]])) as tf.Tensor).dataSync();
    const image = images.subarray(64 * i, 64 * i + 64);
    expect(scores.meanReconstructionError).toBeCloseTo(
      image.reduce((sum, value, j) => sum + (value - (mean[j] as number)) ** 2, 0),
      4,
    );
  }
});
