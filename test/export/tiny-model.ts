import type { SearchOptions } from '../../export/search-options.ts';
import type { BundleParts } from '../../export/write-bundle.ts';
import type { Covariances } from '../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { type Architecture, strided } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';

export const input = { height: 8, width: 8, channels: 1 as const };

export const tinyArchitecture: Architecture = {
  encoder: strided(4, 6),
  decoder: strided(4, 6),
  dense: 12,
  latentDim: 4,
  entropy: 'constant',
};

export function randomImages(count: number, seed = 1): Float32Array {
  const random = randomFrom(seed, 'images');
  return Float32Array.from({ length: count * 64 }, () => random.uniform());
}

/** All that a bundle needs, around an untrained model of three classes and latents of four dimensions. */
export function tinyParts(kind: Covariances['kind'] = 'diagonal'): BundleParts {
  const means = oneHotMeans(3, 4);
  const matrix = [0.5, 0.7, 0.9, 1.1].map((variance, i, all) => all.map((_, j) => (i === j ? variance : 0.1)));
  const covariances: Covariances =
    kind === 'full'
      ? { kind, values: [matrix, matrix, matrix] }
      : kind === 'diagonal'
        ? { kind, values: means.map((_, y) => [0.5, 0.7, 0.9, 1.1 + y]) }
        : { kind, values: [0.5, 1, 2] };
  const row = [0, 10];
  return {
    ...buildModel(tinyArchitecture, input, 3),
    name: 'tiny',
    classes: ['a', 'b', 'c'],
    input,
    means,
    covariances,
    relativeErrorOffset: 0.32,
    thresholds: { maxLatentDistance: [50, 50, 50], maxReconstructionError: [8, 8, 8] },
    calibration: {
      method: 'conformal',
      guarantee: 'marginal',
      alpha: 0.05,
      delta: 0.05,
      n: 100,
      rejected: 3,
      quantiles: { levels: [0, 1], latentDistance: [row, row, row], reconstructionError: [row, row, row] },
    },
    preprocess: { version: 1, grey: 'bt601', resize: 'triangle', fit: 'contain', background: 0, polarity: 'as-is' },
    evidence: [],
    provenance: {
      portcullis: '0.1.0',
      dataset: 'random',
      preset: 'tiny',
      seed: 3,
      backend: 'wasm',
      epochs: 0,
      data: {},
      trained: '2026-01-01T00:00:00.000Z',
      exported: '2026-01-01T00:00:00.000Z',
    },
    search: {
      stages: [{ starts: 3, steps: 30 }],
      encoding: false,
      learningRate: 0.05,
      priorWeight: 3,
      encoderWeight: 0.5,
    } as SearchOptions,
    parityImages: [randomImages(10), randomImages(6, 2)],
  };
}
