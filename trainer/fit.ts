import * as tf from '@tensorflow/tfjs';
import { oneHotMeans } from '../shared/mixture.ts';
import { randomFrom, randomFromState } from '../shared/random.ts';
import type { Progress } from './checkpoint.ts';
import { batches } from './data/batches.ts';
import type { Dataset } from './data/dataset.ts';
import type { BatchGradients } from './gradient/batch-gradients.ts';
import { type Losses, weightsOf } from './gradient/loss-gradients.ts';
import type { Model } from './model/build-model.ts';
import type { Training } from './presets.ts';

export interface Step {
  epoch: number;
  step: number;
  /** Steps in all epochs. */
  steps: number;
  /** Images in this step's batch. */
  images: number;
  reconstruction: number;
  latent: number;
  total: number;
}

/** The loss stopped being a number; the message says where and what usually causes it. */
export class DivergedError extends Error {
  override name = 'DivergedError';
}

/** Learning rate at a step: linear warm-up over the first tenth, then linear decay to 2 % of the peak. */
export function learningRateAt(step: number, steps: number, peak: number): number {
  const warmUp = Math.max(1, Math.floor(steps / 10));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return peak * (1 - 0.98 * ((step - warmUp) / Math.max(1, steps - warmUp)));
}

/** How the training of a run goes on, and who is told. */
export interface FitOptions {
  seed: number;
  /** Made by `optimizerFor`; holds what a checkpoint put into it. */
  optimizer: tf.Optimizer;
  /** Of the same model. */
  gradients: BatchGradients;
  /** Where it stands, from a checkpoint; null from the beginning. */
  from: Progress | null;
  signal?: AbortSignal;
  /** After each step; may be async, so that a signal gets its turn. */
  onStep(step: Step): void | Promise<void>;
  /** After each whole epoch, with the number of epochs done and the means of the losses over it. */
  onEpoch(epochs: number, losses: { reconstruction: number; latent: number; total: number }, seconds: number): Promise<void>;
  /** After each whole epoch, every `secondsBetweenCheckpoints`, and when the signal is aborted. */
  onCheckpoint(progress: Progress): Promise<void>;
  secondsBetweenCheckpoints: number;
}

export function optimizerFor(training: Training): tf.Optimizer {
  return tf.train.adam(training.learningRate, 0.9, training.adamBeta2);
}

/**
 * Fits encoder and decoder by Adam on the supervised loss (Eq. 7), an epoch after the other; returns when all are done or
 * `signal` is aborted. From a checkpoint it goes on as if it had not stopped, bit by bit: the epoch's random numbers are drawn
 * again from its beginning, for the batches that are done without training on them.
 *
 * @returns whether all epochs were done
 * @throws DivergedError where the loss is not finite
 */
export async function fit(
  model: Model,
  dataset: Dataset,
  trainIndices: readonly number[],
  training: Training,
  options: FitOptions,
): Promise<boolean> {
  const { batchSize, epochs } = training;
  const { from, optimizer, gradients } = options;
  const weights = weightsOf(model);
  const { latentDim } = training.architecture;
  const means = oneHotMeans(dataset.classes.length, latentDim);
  const random = from ? randomFromState(from.random) : randomFrom(options.seed, 'fit');
  const steps = epochs * Math.ceil(trainIndices.length / batchSize);
  const started = performance.now() - 1000 * (from?.seconds ?? 0);
  const seconds = () => (performance.now() - started) / 1000;
  let step = from?.step ?? 0;
  let sums = from?.sums ?? NO_SUMS;
  let saved = performance.now();
  for (let epoch = from?.epoch ?? 0; epoch < epochs; epoch++) {
    const atBeginning = random.state();
    const done = epoch === from?.epoch ? from.batches : 0;
    let count = 0;
    for (const batch of batches(dataset.train, trainIndices, { batchSize, maxShift: training.maxShift, input: dataset.input }, random)) {
      const deviation = Math.sqrt(training.encoderNoise);
      const noise = Float32Array.from({ length: batch.count * latentDim }, () => deviation * random.normal());
      count++;
      if (count <= done) continue;
      (optimizer as unknown as { learningRate: number }).learningRate = learningRateAt(step, steps, training.learningRate);
      const targets = Float32Array.from(Array.from(batch.labels, (label) => means[label] as number[]).flat());
      const { losses, gradients: found } = gradients.of({ images: batch.images, targets, noise, count: batch.count });
      optimizer.applyGradients(weights.map(({ name }, i) => ({ name, tensor: found[i] as tf.Tensor })));
      tf.dispose(found);
      step++;
      if (!Number.isFinite(losses.total)) {
        throw new DivergedError(
          `the loss is ${losses.total} at step ${step} of ${steps} (epoch ${epoch + 1}). The learning rate (${training.learningRate}) is usually too high; try a third of it.`,
        );
      }
      sums = added(sums, losses, batch.count);
      await options.onStep({ epoch: epoch + 1, step, steps, images: batch.count, ...losses });
      const aborted = options.signal?.aborted ?? false;
      if (aborted || performance.now() - saved > 1000 * options.secondsBetweenCheckpoints) {
        await options.onCheckpoint({ epoch, batches: count, step, random: atBeginning, sums, seconds: seconds() });
        saved = performance.now();
      }
      if (aborted) return false;
    }
    const mean = (part: 'reconstruction' | 'latent' | 'total') => sums[part] / sums.images;
    await options.onEpoch(epoch + 1, { reconstruction: mean('reconstruction'), latent: mean('latent'), total: mean('total') }, seconds());
    sums = NO_SUMS;
    await options.onCheckpoint({ epoch: epoch + 1, batches: 0, step, random: random.state(), sums, seconds: seconds() });
    saved = performance.now();
    if (options.signal?.aborted) return epoch + 1 === epochs;
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
