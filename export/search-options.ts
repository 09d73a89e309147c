import type { Thresholds } from '../shared/bundle/screening-schema.ts';

/** Successive halving: each stage continues from the best starts of the one before. */
export interface SearchOptions {
  /** The starts of each stage, and the Adam steps from each. The first stage takes the class means with the nearest reconstructions. */
  stages: readonly { starts: number; steps: number }[];
  /** Adds the encoder's own latent to the starts of the first stage. */
  encoding: boolean;
  learningRate: number;
  /** lambda, the weight of the mixture's prior; 0 for the paper's Eq. 9. */
  priorWeight: number;
  /** kappa, the weight of the encoder's latent as evidence of the class; 0 for the paper's Eq. 9. */
  encoderWeight: number;
}

/**
 * Weights of the default search as shares of the mean reconstruction threshold. Chosen on rejected validation images of MNIST, clean and
 * attacked (docs/performance.md).
 */
const DEFAULT_WEIGHTS = { prior: 1.25, encoder: 0.25 };

/**
 * Returns the search that is exported by default: a sixteenth of the gradients of 200 steps from each of ten means, with at least as many
 * right answers (`pnpm bench:reclassify`). The steps are small, as the classes' latents lie near their means, and few, as more of them
 * lower the best error of a wrong class.
 */
export function defaultSearch({ maxReconstructionError }: Pick<Thresholds, 'maxReconstructionError'>): SearchOptions {
  const mean = maxReconstructionError.reduce((sum, threshold) => sum + threshold, 0) / maxReconstructionError.length;
  return {
    stages: [
      { starts: 10, steps: 4 },
      { starts: 5, steps: 8 },
      { starts: 2, steps: 20 },
    ],
    encoding: true,
    learningRate: 0.03,
    priorWeight: DEFAULT_WEIGHTS.prior * mean,
    encoderWeight: DEFAULT_WEIGHTS.encoder * mean,
  };
}

/** @throws RangeError */
export function checkSearch({ stages, learningRate, priorWeight, encoderWeight }: SearchOptions): void {
  if (stages.length === 0) throw new RangeError('stages is empty; allowed is one or more');
  for (const { starts, steps } of stages) {
    if (!Number.isInteger(steps) || steps < 0) throw new RangeError(`steps is ${steps}; allowed are 0, 1, 2, ...`);
    if (!(Number.isInteger(starts) && starts >= 1)) throw new RangeError(`starts is ${starts}; allowed are 1, 2, 3, ...`);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new RangeError(`learningRate is ${learningRate}; allowed is any finite number above 0`);
  for (const [name, weight] of Object.entries({ priorWeight, encoderWeight })) {
    if (!(weight >= 0 && Number.isFinite(weight))) throw new RangeError(`${name} is ${weight}; allowed is any finite number from 0`);
  }
}
