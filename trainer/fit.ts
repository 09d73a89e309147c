import { randomFrom, randomFromState } from '../shared/random.ts';
import { UserError } from '../shared/user-error.ts';
import type { Adam } from './adam.ts';
import type { Progress } from './checkpoint.ts';
import { batches, batchesIn, type TrainingImages } from './data/batches.ts';
import type { BatchGradients } from './gradient/batch-gradients.ts';
import type { Losses } from './gradient/loss-gradients.ts';
import type { Training } from './presets.ts';

export interface Step extends Losses {
  epoch: number;
  step: number;
  /** Steps in all epochs. */
  steps: number;
  /** Images in this step's batch. */
  images: number;
}

/** The loss stopped being a number; the message says where and what usually causes it. */
export class DivergedError extends UserError {}

/** Learning rate at a step: linear warm-up over the first tenth, then linear decay to 2 % of the peak. */
export function learningRateAt(step: number, steps: number, peak: number): number {
  const warmUp = Math.max(1, Math.floor(steps / 10));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return peak * (1 - 0.98 * ((step - warmUp) / Math.max(1, steps - warmUp)));
}

/**
 * Weight of the mixture term of unlabelled images: grows over the first third of the steps, as an encoder that knows little yet
 * would be held to its first guesses.
 */
export function unlabelledWeightAt(step: number, steps: number): number {
  return Math.min(1, (3 * step) / steps);
}

/** How the training of a run goes on, and who is told. */
export interface FitOptions {
  seed: number;
  /** Of the parameters that `gradients` are by; holds what a checkpoint put into it. */
  optimizer: Adam;
  gradients: BatchGradients;
  /** Where it stands, from a checkpoint; null from the beginning. */
  from: Progress | null;
  signal?: AbortSignal;
  /** After each step; may be async, so that a signal gets its turn. */
  onStep(step: Step): void | Promise<void>;
  /**
   * After each whole epoch, with the number of epochs done and the means of the losses over it.
   *
   * @returns the best epoch so far
   */
  onEpoch(epochs: number, losses: Losses, seconds: number): Promise<Progress['best']>;
  /** After each whole epoch, every `secondsBetweenCheckpoints`, and when the signal is aborted. */
  onCheckpoint(progress: Progress): Promise<void>;
  secondsBetweenCheckpoints: number;
}

/**
 * Fits the parameters by Adam, an epoch after the other; returns when all are done, more would not help or `signal` is aborted.
 * From a checkpoint it goes on as if it had not stopped, bit by bit: the epoch's random numbers are drawn again from its
 * beginning, for the batches that are done without training on them.
 *
 * @returns whether it came to its end
 * @throws DivergedError where the loss is not finite
 */
export async function fit(images: TrainingImages, training: Training, options: FitOptions): Promise<boolean> {
  const { from, optimizer, gradients } = options;
  const { epochs } = training;
  const random = from ? randomFromState(from.random) : randomFrom(options.seed, 'fit');
  const steps = epochs * batchesIn(images, training.batchSize);
  const started = performance.now() - 1000 * (from?.seconds ?? 0);
  const seconds = () => (performance.now() - started) / 1000;
  let { step, sums, best } = from ?? { step: 0, sums: NO_SUMS, best: null };
  let saved = performance.now();
  const enough = (epoch: number) => training.patience > 0 && best !== null && epoch - best.epoch >= training.patience;
  for (let epoch = from?.epoch ?? 0; epoch < epochs && !enough(epoch); epoch++) {
    const atBeginning = random.state();
    const done = epoch === from?.epoch ? from.batches : 0;
    let count = 0;
    for (const batch of batches(images, training, random)) {
      count++;
      if (count <= done) continue;
      const { losses, gradient } = await gradients.of({ ...batch.rows(), unlabelledWeight: unlabelledWeightAt(step, steps) });
      optimizer.step(gradient, learningRateAt(step, steps, training.learningRate));
      gradient.dispose();
      step++;
      if (!Number.isFinite(losses.total)) {
        throw new DivergedError(
          `the loss is ${losses.total} at step ${step} of ${steps} (epoch ${epoch + 1}). The learning rate (${training.learningRate}) is usually too high; try a third of it (--learning-rate).`,
        );
      }
      sums = added(sums, losses, batch.count);
      await options.onStep({ epoch: epoch + 1, step, steps, images: batch.count, ...losses });
      const aborted = options.signal?.aborted ?? false;
      if (aborted || performance.now() - saved > 1000 * options.secondsBetweenCheckpoints) {
        await options.onCheckpoint({ epoch, batches: count, step, random: atBeginning, sums, best, seconds: seconds() });
        saved = performance.now();
      }
      if (aborted) return false;
    }
    const mean = (part: keyof Losses) => sums[part] / sums.images;
    const losses = { reconstruction: mean('reconstruction'), latent: mean('latent'), total: mean('total') };
    best = await options.onEpoch(epoch + 1, losses, seconds());
    sums = NO_SUMS;
    await options.onCheckpoint({ epoch: epoch + 1, batches: 0, step, random: random.state(), sums, best, seconds: seconds() });
    saved = performance.now();
    if (options.signal?.aborted) return epoch + 1 === epochs || enough(epoch + 1);
  }
  return true;
}

const NO_SUMS: Progress['sums'] = { images: 0, reconstruction: 0, latent: 0, total: 0 };

function added(sums: Progress['sums'], losses: Losses, images: number): Progress['sums'] {
  return {
    images: sums.images + images,
    reconstruction: sums.reconstruction + losses.reconstruction * images,
    latent: sums.latent + losses.latent * images,
    total: sums.total + losses.total * images,
  };
}
