import * as tf from '@tensorflow/tfjs';
import { oneHotMeans } from '../shared/mixture.ts';
import { randomFrom } from '../shared/random.ts';
import { batches } from './data/batches.ts';
import type { Dataset } from './data/dataset.ts';
import type { Model } from './model/build-model.ts';
import { supervisedLoss } from './model/loss.ts';
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

/**
 * Fits encoder and decoder by Adam on the supervised loss (Eq. 7), an epoch after the other; returns when all are done or
 * `signal` is aborted.
 *
 * @param onStep called after each step; may be async, so that a signal gets its turn
 * @param onEpoch called after each whole epoch, with the number of epochs done
 * @throws DivergedError where the loss is not finite
 */
export async function fit(
  model: Model,
  dataset: Dataset,
  trainIndices: readonly number[],
  training: Training,
  seed: number,
  events: { onStep(step: Step): void | Promise<void>; onEpoch(epochs: number): Promise<void>; signal?: AbortSignal },
): Promise<void> {
  const { batchSize, epochs, latentWeight, encoderNoise } = training;
  const { height, width, channels } = dataset.input;
  const latentDim = training.architecture.latentDim;
  const means = oneHotMeans(dataset.classes.length, latentDim);
  const optimizer = tf.train.adam(training.learningRate, 0.9, training.adamBeta2);
  const random = randomFrom(seed, 'fit');
  const steps = epochs * Math.ceil(trainIndices.length / batchSize);
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of batches(dataset.train, trainIndices, { batchSize, maxShift: training.maxShift, input: dataset.input }, random)) {
      const deviation = Math.sqrt(encoderNoise);
      const noise = Float32Array.from({ length: batch.count * latentDim }, () => deviation * random.normal());
      (optimizer as unknown as { learningRate: number }).learningRate = learningRateAt(step, steps, training.learningRate);
      const [total, reconstruction, latent] = tf.tidy(() => {
        const images = tf.tensor4d(batch.images, [batch.count, height, width, channels]);
        const targets = tf.tensor2d(Array.from(batch.labels, (label) => means[label] as number[]));
        const parts: tf.Scalar[] = [];
        const loss = optimizer.minimize(() => {
          const { total, reconstruction, latent } = supervisedLoss(
            model,
            images,
            targets,
            tf.tensor2d(noise, [batch.count, latentDim]),
            latentWeight,
          );
          parts.push(tf.keep(reconstruction), tf.keep(latent));
          return total;
        }, true) as tf.Scalar;
        const values = [loss, ...parts].map((part) => part.dataSync()[0] as number);
        tf.dispose(parts);
        return values as [number, number, number];
      });
      step++;
      if (!Number.isFinite(total)) {
        throw new DivergedError(
          `the loss is ${total} at step ${step} of ${steps} (epoch ${epoch + 1}). The learning rate (${training.learningRate}) is usually too high; try a third of it.`,
        );
      }
      await events.onStep({ epoch: epoch + 1, step, steps, images: batch.count, reconstruction, latent, total });
      if (events.signal?.aborted) return optimizer.dispose();
    }
    await events.onEpoch(epoch + 1);
    if (events.signal?.aborted) break;
  }
  optimizer.dispose();
}
