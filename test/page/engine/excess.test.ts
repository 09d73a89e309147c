import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { gradientModel } from '../../../attacks/attack.ts';
import { combined, logRatios } from '../../../attacks/losses/joint.ts';
import { screenGraph } from '../../../export/graphs.ts';
import { createWeightStore } from '../../../export/onnx/weight-store.ts';
import { ATTACKS } from '../../../page/engine/attack.ts';
import { excessesOf } from '../../../page/engine/excess.ts';
import { networksOf } from '../../../page/engine/gradient/networks.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { decide } from '../../../shared/decision/decide.ts';
import { type Scores, withDerived } from '../../../shared/decision/scores.ts';
import { openScreen } from '../../../shared/runtime/open-screen.ts';
import { architectures } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { input, randomImages, tinyArchitecture, tinyParts } from '../../export/tiny-model.ts';
import { kernels } from './open-networks.ts';

const COUNT = 3;
const OPTIONAL = { maxRelativeError: [0.9, 0.8, 0.7], maxMeanReconstructionError: [20, 21, 22], maxRivalMargin: [0.5, 0.4, 0.3] };

describe.each([
  ['strided, with every score', tinyArchitecture, input, OPTIONAL],
  ['pooled, in colour, with every score', architectures['paper-28'], { height: 16, width: 16, channels: 3 as const }, OPTIONAL],
  ['strided, as the paper has it', tinyArchitecture, input, {}],
])('of a model that is %s', (_, architecture, size, optional) => {
  const model = buildModel({ ...tinyArchitecture, ...architecture, latentDim: 4 }, size, 3);
  const thresholds = { maxLatentDistance: [3, 4, 5], maxReconstructionError: [8, 9, 10], ...optional };
  const guarantee = { norm: 'linf', radius: 0.05 } as const;
  const parts = { ...tinyParts(), ...model, input: size, thresholds, ...('maxRivalMargin' in optional ? { guarantee } : {}) };
  const store = createWeightStore();
  const graph = screenGraph(store, parts);
  const screening = { ...parts, latentDim: 4 } as unknown as Screening;
  const bundle = { graphs: { screen: graph }, weights: store.bytes(), screening };
  const networks = networksOf(kernels, bundle, 11);
  const excessesAt = excessesOf(networks, screening);
  const pixels = size.height * size.width * size.channels;
  const images = randomImages((COUNT * pixels) / 64, 7);
  const targets = [0, 1, 2];

  it('the excesses and their gradient are those of the attacks that measure robustness', () => {
    const joint = gradientModel(model, screening);
    const x = tf.tensor4d(images, [COUNT, size.height, size.width, size.channels]);
    const largest = logRatios(joint, x, targets).max(1).dataSync();
    // One by one: of a batch, tfjs gets the gradient of an upsampling wrong.
    const expected = targets.flatMap((y) => {
      const lossOf = (given: tf.Tensor) => combined(logRatios(joint, given as tf.Tensor4D, [y]), 'dominant').sum();
      return Array.from(
        tf
          .grad(lossOf)(x.slice([y, 0, 0, 0], [1, -1, -1, -1]))
          .dataSync(),
      );
    });
    const { excesses, gradient } = excessesAt(images, targets);
    for (const [row, excess] of excesses.entries()) expect(Math.abs(excess - (largest[row] as number))).toBeLessThan(1e-4);
    const scale = Math.max(...expected.map(Math.abs));
    expect(scale).toBeGreaterThan(1e-3);
    expect(Math.max(...gradient.map((value, i) => Math.abs(value - (expected[i] as number)))) / scale).toBeLessThan(1e-3);
  });

  it('is accepted by the decision as its label exactly where it exceeds nothing', async () => {
    const screen = openScreen(kernels, bundle);
    const seen = new Set<boolean>();
    for (const scale of [0.3, 1, 3, 10, 30]) {
      const limits = Object.fromEntries(
        Object.entries(thresholds).map(([name, values]) => [name, values.map((value) => value * (name === 'maxRivalMargin' ? 1 : scale))]),
      );
      const changed = { ...screening, thresholds: limits } as Screening;
      for (let row = 0; row < COUNT; row++) {
        const image = images.slice(row * pixels, (row + 1) * pixels);
        const output = await screen((__, to) => to.set(image), 1, false);
        const { label, latent: ___, ...floats } = output;
        const graphScores = Object.fromEntries(Object.entries(floats).map(([name, values]) => [name, (values as Float32Array)[0]]));
        const scores: Scores = withDerived({ ...graphScores, label: Number(label[0]) } as Scores, image, changed);
        const { accepted } = decide(scores, changed.thresholds);
        const [excess = 0] = excessesOf(networks, changed)(image, [scores.label]).excesses;
        expect([scale, row, accepted]).toEqual([scale, row, excess <= 0]);
        seen.add(accepted);
      }
    }
    expect(seen.has(false)).toBe(true);
  });

  it('the adaptive attack lowers the excess of the test that is furthest from being passed', async () => {
    const image = images.slice(0, pixels);
    const least = (given: Float32Array) => Math.min(...[1, 2].map((y) => excessesAt(given, [y]).excesses[0] as number));
    const attacked = await ATTACKS.adaptive({ networks, screening, image, label: 0, radius: 0.2, rest: async () => false });
    expect(least(attacked ?? image)).toBeLessThan(least(image) - 0.01);
  });
});
