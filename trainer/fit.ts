import { randomFrom, randomFromState } from '../shared/random.ts';
import { UserError } from '../shared/user-error.ts';
import type { Adam } from './adam.ts';
import type { Progress } from './checkpoint.ts';
import { batches, batchesIn, type TrainingImages } from './data/batches.ts';
import type { BatchGradients } from './gradient/batch-gradients.ts';
import type { Losses } from './gradient/loss-gradients.ts';
import type { Training } from './presets.ts';
import { radiusScaleAt } from './robust/robustness.ts';

/** The loss is not finite; the message says where and what usually causes it. */
export class DivergedError extends UserError {}

/** A step of training, with the losses of its batch. */
export interface Step extends Losses {
  epoch: number;
  step: number;
  /** Steps in all epochs. */
  steps: number;
  /** Images in the batch. */
  images: number;
}

export interface FitOptions {
  seed: number;
  /** Holds the state of `from`, where that is given. */
  optimizer: Adam;
  /** Computes gradients of the optimizer's parameters. */
  gradients: BatchGradients;
  /** A checkpoint to go on from; null to begin. */
  from: Progress | null;
  /** The epoch from which patience counts, where the best one is earlier: that in which the training was planned anew. */
  plannedAt?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called after each step. */
  onStep(step: Step): void | Promise<void>;
  /**
   * Called after each epoch, with the number of epochs done and the means of the losses over the last one.
   *
   * @returns the best epoch so far
   */
  onEpoch(epochs: number, losses: Losses, seconds: number): Promise<Progress['best']>;
  /** Called after each epoch, every `secondsBetweenCheckpoints`, and when the signal is aborted. */
  onCheckpoint(progress: Progress): Promise<void>;
  secondsBetweenCheckpoints: number;
}

/**
 * Fits the parameters by Adam, epoch by epoch, until all epochs are done, the validation loss stops improving, or the signal is aborted.
 * From a checkpoint it continues to the same bits as a training that never stopped.
 *
 * @returns true where it came to its end
 * @throws DivergedError
 */
export async function fit(images: TrainingImages, training: Training, options: FitOptions): Promise<boolean> {
  const { optimizer, gradients, from, plannedAt = 0, signal } = options;
  const { epochs, batchSize, patience, learningRate, warmUp, robust } = training;
  const steps = epochs * batchesIn(images, batchSize);
  const random = from ? randomFromState(from.random) : randomFrom(options.seed, 'fit');
  const started = performance.now() - 1000 * (from?.seconds ?? 0);
  const seconds = () => (performance.now() - started) / 1000;
  let { step, sums, best } = from ?? { step: 0, sums: NO_LOSSES, best: null };
  let savedAt = performance.now();
  const save = async (position: Pick<Progress, 'epoch' | 'batches' | 'random'>) => {
    await options.onCheckpoint({ ...position, step, sums, best, seconds: seconds() });
    savedAt = performance.now();
  };
  const hasStopped = (epoch: number) =>
    epoch >= epochs || (patience > 0 && best !== null && epoch - Math.max(best.epoch, plannedAt) >= patience);

  for (let epoch = from?.epoch ?? 0; !hasStopped(epoch); epoch++) {
    const atBeginning = random.state();
    const skipped = epoch === from?.epoch ? from.batches : 0;
    let count = 0;
    for (const batch of batches(images, training, random)) {
      // A resumed epoch draws its random numbers again from the beginning, and skips the batches that are done.
      if (++count <= skipped) continue;
      const schedule = { unlabelledWeight: unlabelledWeightAt(step, steps), radiusScale: robust ? radiusScaleAt(step, steps, robust) : 0 };
      const { losses, gradient } = await gradients.of({ ...batch.rows(), ...schedule });
      optimizer.step(gradient, learningRateAt(step, steps, learningRate, warmUp));
      gradient.dispose();
      step++;
      if (!Number.isFinite(losses.total))
        throw new DivergedError(
          `the loss is ${losses.total} at step ${step} of ${steps} (epoch ${epoch + 1}). ` +
            `The learning rate (${learningRate}) is usually too high; try a third of it (--learning-rate).`,
        );
      sums = addLosses(sums, losses, batch.count);
      await options.onStep({ epoch: epoch + 1, step, steps, images: batch.count, ...losses });
      const aborted = signal?.aborted ?? false;
      if (aborted || performance.now() - savedAt > 1000 * options.secondsBetweenCheckpoints)
        await save({ epoch, batches: count, random: atBeginning });
      if (aborted) return false;
    }
    best = await options.onEpoch(epoch + 1, meanLosses(sums), seconds());
    sums = NO_LOSSES;
    await save({ epoch: epoch + 1, batches: 0, random: random.state() });
    if (signal?.aborted) return hasStopped(epoch + 1);
  }
  return true;
}

/** Returns the learning rate at a step: linear warm-up over a share of the steps, then linear decay to 2 % of the peak. */
export function learningRateAt(step: number, steps: number, peak: number, warmUpShare: number): number {
  const warmUp = Math.max(1, Math.floor(warmUpShare * steps));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return peak * (1 - 0.98 * ((step - warmUp) / Math.max(1, steps - warmUp)));
}

/**
 * Returns the weight of the mixture term of unlabelled images, which grows to 1 over the first third of the steps: an encoder that knows
 * little yet would be held to its first guesses.
 */
export function unlabelledWeightAt(step: number, steps: number): number {
  return Math.min(1, (3 * step) / steps);
}

const NO_LOSSES: Progress['sums'] = { images: 0, reconstruction: 0, latent: 0, total: 0 };

function addLosses(sums: Progress['sums'], losses: Losses, images: number): Progress['sums'] {
  const plus = (name: keyof Losses) => sums[name] + losses[name] * images;
  return { images: sums.images + images, reconstruction: plus('reconstruction'), latent: plus('latent'), total: plus('total') };
}

function meanLosses({ images, reconstruction, latent, total }: Progress['sums']): Losses {
  return { reconstruction: reconstruction / images, latent: latent / images, total: total / images };
}
