import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { targetedDlr } from '../../attacks/losses/dlr.ts';
import { classRatios, combined, logRatios } from '../../attacks/losses/joint.ts';
import { acceptedAs, objectiveOf, orthogonalTo } from '../../attacks/losses/objective.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { decide } from '../../shared/decision/decide.ts';
import { latentDistance, nearestMean, precisionsOf, squaredEuclidean } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

const images = (...values: number[]) => tf.tensor4d(values, [values.length / 2, 1, 2, 1]);

it('is the logarithm of each score over its threshold: by hand', () => {
  // (0.6, 0): 0.16 from (1, 0), 1.36 from (0, 1); reconstructed exactly.
  const [own, other] = logRatios(twoPixels(), images(0.6, 0, 0.6, 0), [0, 1]).arraySync() as [number[], number[]];
  expect(classRatios(twoPixels(), images(0.6, 0)).arraySync()).toEqual([[own, other]]);
  expect(own[0]).toBeCloseTo(Math.log(0.16 / 1.36), 5);
  expect(own[1]).toBeCloseTo(Math.log(0.16 / 0.25), 5);
  expect(own[2]).toBeLessThan(-20);
  expect(other[0]).toBeCloseTo(Math.log(1.36 / 0.16), 5);
  expect(other[1]).toBeCloseTo(Math.log(1.36 / 0.25), 5);
});

it('is worked out with every kind of covariance, and the third score where there is one', () => {
  const kinds: Screening['covariances'][] = [
    { kind: 'spherical', values: [0.5, 2] },
    {
      kind: 'diagonal',
      values: [
        [0.5, 1],
        [2, 3],
      ],
    },
    {
      kind: 'full',
      values: [
        [
          [1, 0.2],
          [0.2, 1],
        ],
        [
          [2, -0.5],
          [-0.5, 1],
        ],
      ],
    },
  ];
  for (const covariances of kinds) {
    const precisions = precisionsOf(covariances, 2);
    const model = twoPixels({
      covariances,
      precisions: covariances.kind === 'full' ? precisions : null,
      thresholds: { maxLatentDistance: [0.25, 0.3], maxReconstructionError: [1, 1], maxRelativeError: [0.1, 0.1] },
    });
    const ratios = logRatios(model, images(0.3, 0.8, 0.3, 0.8), [0, 1]).arraySync() as number[][];
    for (const target of [0, 1]) {
      const distance = latentDistance([0.3, 0.8], model.means[target] as number[], precisions[target] as number[][]);
      expect(ratios[target]?.[1]).toBeCloseTo(Math.log(distance / ([0.25, 0.3][target] as number)), 4);
      expect(ratios[target]).toHaveLength(4);
    }
  }
});

it('is below zero throughout exactly where the decision accepts', () => {
  const model = twoPixels();
  const random = randomFrom(4, 'joint');
  const values = Array.from({ length: 400 }, () => random.uniform());
  for (const target of [0, 1]) {
    const accepted = acceptedAs(model, images(...values), new Array(200).fill(target));
    for (const [i, is] of accepted.entries()) {
      const latent = values.slice(2 * i, 2 * i + 2);
      const label = nearestMean(latent, model.means);
      const distance = squaredEuclidean(latent, model.means[label] as number[]);
      const scores = { label, latentDistance: distance, reconstructionError: 0, relativeError: 0 };
      const verdict = label === target && decide(scores, model.thresholds).accepted;
      // But for what is a hair within the threshold.
      if (Math.abs(distance - 0.25) > 1e-3) expect(is).toBe(verdict);
    }
  }
});

describe('losses', () => {
  const ratios = [[Math.log(2), -1, -3]];
  const pull = 0.01 * (Math.log(2) - 4);
  it.each([
    ['hinges', 2 - 0.95 + pull],
    ['dominant', Math.log(2) + pull],
    ['log-sum-exp', Math.log(16 + Math.exp(-4) + Math.exp(-12)) / 4 + pull],
  ] as const)('%s: by hand', (combination, expected) => {
    expect(combined(tf.tensor2d(ratios), combination).dataSync()[0]).toBeCloseTo(expected, 5);
  });

  it.each([
    ['rejected, or another class: reject is 0', [0.5, 1, 2, 3], (0 + 1) / (0 + 2.5)],
    ['accepted as what it is', [-0.5, 1, 2, 3], (0.5 + 1) / (0.5 + 2.5)],
    ['accepted as the target', [0.5, -1, 2, 3], (0 - 1) / (1 + 2.5)],
  ])('targeted DLR, %s: by hand', (_, ofClasses, expected) => {
    const ratios = tf.tensor3d(ofClasses, [1, 4, 1]);
    expect(targetedDlr(ratios, [1], [0]).dataSync()[0]).toBeCloseTo(expected, 5);
  });

  it('targeted DLR falls where the tests of the rivals rise, and takes the smooth maximum over tests', () => {
    const lossOf = (rival: tf.Tensor) => targetedDlr(tf.stack([0.5, 1, 2, rival]).reshape([1, 4, 1]), [1], [0]).sum();
    // 1 / (2 + r) * 2 by r at r = 3
    expect(tf.grad(lossOf)(tf.scalar(3)).dataSync()[0]).toBeCloseTo(-2 / 25, 5);
    const twoTests = tf.tensor3d([0, 0, 1, 1], [1, 2, 2]);
    expect(targetedDlr(twoTests, [1], [0]).dataSync()[0]).toBeCloseTo(1 + Math.log(2) / 2, 5);
  });

  it("features is the squared distance to the start's latent", () => {
    const rows = { origins: Float32Array.of(1, 0), starts: Float32Array.of(0.2, 0.9), targets: [1] };
    const { losses, gradients } = objectiveOf(twoPixels(), rows, 'features').lossAndGradients(images(0.5, 0.5), [0]);
    expect(losses[0]).toBeCloseTo(0.09 + 0.16, 5);
    expect([...gradients.dataSync()].map((value) => +value.toFixed(4))).toEqual([0.6, -0.8]);
  });

  it.each(['hinges', 'dominant', 'log-sum-exp', 'dlr', 'features', 'orthogonal'] as const)(
    '%s: without a gradient the same is seen, and no tensor is left',
    (objective) => {
      const rows = { origins: Float32Array.of(1, 0), starts: Float32Array.of(0.2, 0.9), targets: [1, 0], truths: [0, 1] };
      const evaluated = objectiveOf(twoPixels(), { ...rows, starts: Float32Array.of(0.2, 0.9, 0.7, 0.1) }, objective);
      const seen = images(0.5, 0.5, 0.1, 0.95);
      const { gradients, ...withGradient } = evaluated.lossAndGradients(seen, [0, 1]);
      gradients.dispose();
      const before = tf.memory().numTensors;
      expect(evaluated.loss(seen, [0, 1])).toEqual(withGradient);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('a gradient without its part along another one', () => {
    const [along, across] = orthogonalTo(images(3, 1, 2, 2), images(1, 0, 1e-20, 1e-20)).arraySync() as unknown as number[][][][];
    expect(along?.flat(2)).toEqual([0, 1]);
    for (const value of across?.flat(2) ?? []) expect(value).toBeCloseTo(0, 4);
  });
});
