import { randomFrom } from '../../shared/random.ts';
import { type Dataset, inMemory } from '../../trainer/data/dataset.ts';
import { FIRST_KINDS } from '../../trainer/data/unknown/kinds.ts';
import type { Training } from '../../trainer/presets.ts';
import type { Robustness } from '../../trainer/robust/robustness.ts';
import { input, tinyArchitecture } from '../export/tiny-model.ts';

/** Three classes of noise, each of another brightness, 8x8. */
export function tinyDataset(train: number, test: number): Dataset {
  const random = randomFrom(2, 'tiny');
  const images = (count: number) => {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
    return inMemory(
      Uint8Array.from({ length: count * 64 }, (_, i) => random.integer(0, 60) + 80 * (labels[i >> 6] as number)),
      labels,
    );
  };
  return { name: 'tiny', classes: ['a', 'b', 'c'], input, train: images(train), test: images(test), checksums: {} };
}

export const tinyTraining: Training = {
  architecture: tinyArchitecture,
  ...{
    epochs: 3,
    patience: 0,
    batchSize: 16,
    learningRate: 1e-2,
    adamBeta2: 0.99,
    averageDecay: 0.9,
    warmUp: 0.1,
    latentWeight: 10,
    encoderNoise: 1e-3,
  },
  light: null,
  augmentation: { shift: 1, rotation: 10, scale: 0.1, shear: 0.1 },
  ...{
    outliers: 1 / 4,
    outlierKinds: FIRST_KINDS,
    outlierLoss: { kind: 'origin' },
    labelsPerClass: null,
    classWeights: 'none',
    robust: null,
  },
};

export const tinyRobustness: Robustness = {
  budget: { linf: 0.1, l2: 0.5 },
  excess: { linf: 1.1, l2: 1.2 },
  ...{ l2Share: 0.35, steps: 2, ramp: 0.5, rejectWeight: 2, attackedWeight: 2 },
  outliers: { share: 0.5, radius: 0.5 },
  certified: null,
};

export const shrinkingRobustness: Robustness = {
  ...{ ...tinyRobustness, l2Share: 0.5 },
  shrinking: { steps: 3, shrinkShare: 0.6, neighbours: 0.8, reach: { least: 1.5, most: 2.5 }, stepLength: { least: 0.4, most: 0.8 } },
};
