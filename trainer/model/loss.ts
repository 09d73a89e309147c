import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { certifiedLoss, pairwiseBounds } from '../robust/certified-loss.ts';
import { attackedLoss } from '../robust/robust-loss.ts';
import type { Robustness } from '../robust/robustness.ts';
import type { Model } from './build-model.ts';

/** A batch as tensors; row i of each belongs to image i. */
export interface LossInput {
  /** [N, H, W, C] in [0, 1] */
  images: tf.Tensor4D;
  /** mu_y of each image, [N, d]; ignored if it is unlabelled */
  targets: tf.Tensor2D;
  /** N(0, 1), [N, d] */
  noise: tf.Tensor2D;
  /** 1 if the image is labelled, else 0: [N]; null if all are */
  labelled: tf.Tensor1D | null;
  /** Weight of each image in the mean, [N]; null if all weigh 1 */
  weights: tf.Tensor1D | null;
  /** 1 if the image is to be reconstructed, 0 if it is an outlier, whose target is the origin: [N]; null if there are no outliers */
  genuine: tf.Tensor1D | null;
  /** All rows from this one on are outliers; not given: none has to be. */
  ownCount?: number;
  attacked?: AttackedImages | null;
  /** The radius of the bounds in the loss at this step, in linf, and their weight; null or not given: no bounds. */
  bounds?: { radius: number; weight: number } | null;
}

/** Images of the batch after an inner attack; row i of each belongs to attacked image i. */
export interface AttackedImages {
  /** [M, H, W, C] in [0, 1] */
  images: tf.Tensor4D;
  /** mu_y, the origin for an outlier: [M, d] */
  targets: tf.Tensor2D;
  /** 1 for an image of a class, 0 for an outlier: [M] */
  genuine: tf.Tensor1D;
  /** Weight of each in the mean, [M]; null if all weigh 1 */
  weights: tf.Tensor1D | null;
}

export interface LossOptions {
  /** alpha of Eq. 7 */
  latentWeight: number;
  /** Variance of the constant noise on the latent, Eq. 7's epsilon. */
  encoderNoise: number;
  /** Weight of the mixture term of unlabelled images, 0 to 1; 1 is Eq. 3. */
  unlabelledWeight: number;
  /** The class means, [k, d]; needed unless all images are labelled and the outlier loss is `origin`. */
  means: tf.Tensor2D | null;
  outlierLoss: OutlierLoss;
  /** Outliers for each image of a class. */
  outliers: number;
  /** Needed where images are attacked. */
  robust?: Robustness | null;
}

/** The loss of unknown images: see `gmvaeLoss`. */
export const outlierLossSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('origin') }),
  z.strictObject({
    kind: z.literal('margin'),
    /** Squared distance from the nearest mean that an outlier is to keep; the means are at 2 from each other. */
    margin: z.number().positive().max(2),
    /** Squared distance over which the loss goes from flat to steep. */
    temperature: z.number().positive(),
    /** Weight of both terms, as a share of `latentWeight`. */
    weight: z.number().positive(),
    /** Weight of all outliers, as a multiple of that of the images of classes; 1 where it is not given. */
    outlierWeight: z.number().positive().optional(),
  }),
]);

export type OutlierLoss = z.infer<typeof outlierLossSchema>;

export interface LossParts {
  /** Mean over the batch of ||x - g(f(x) + e)||^2 */
  reconstruction: tf.Scalar;
  /** Mean over the batch of the term that `latentWeight` multiplies: ||f(x) - mu_y||^2 for labelled images */
  latent: tf.Scalar;
  /** reconstruction + latentWeight * latent */
  total: tf.Scalar;
}

/**
 * Computes the loss of a batch, a sum of a reconstruction and a latent term:
 *
 * - labelled images: Eq. 7 of the paper, ||x - g(f(x) + e)||^2 + latentWeight * ||f(x) - mu_y||^2;
 * - unlabelled images: Eq. 3, whose second term is -log of the mixture of N(mu_y, I / (2 latentWeight)) over all classes, equally likely,
 *   up to a constant: -log mean_y exp(-latentWeight ||f(x) - mu_y||^2);
 * - outliers (not in the paper) are not reconstructed. `origin`: the latent's squared distance from the origin, ||f(x)||^2. `margin`, with
 *   d_j = ||f(x) - mu_j||^2, margin m, temperature T and weight w: w log(1 + exp((m - min_j d_j) / T)), which falls to nothing once the
 *   latent is further than m from every mean, wherever that is. Labelled images then also have the cross entropy of their class,
 *   w (d_y / T + log sum_j exp(-d_j / T)), which keeps the classes apart. Both count alike, or as `outlierWeight` says: the
 *   outliers' term is divided by their number for each image of a class.
 *
 * - attacked images (not in the paper), of classes and outliers: w times `attackedLoss`, which has a reject option;
 * - bounds (not in the paper), of images of classes: w times their weight times `certifiedLoss`.
 *
 * With variable entropy (section 3's alternative, an ordinary VAE posterior), e has the variances s that the encoder gives, and the
 * divergence from the component adds latentWeight * sum(s) - sum(log s) / 2.
 */
export function gmvaeLoss({ encoder, decoder, posterior }: Model, input: LossInput, options: LossOptions): LossParts {
  const { images, targets, noise, labelled, weights, genuine, ownCount, attacked, bounds } = input;
  const { latentWeight, encoderNoise, unlabelledWeight, means, outlierLoss, outliers, robust } = options;
  const perImage = (values: tf.Tensor) => values.sum(values.shape.map((_, i) => i).slice(1)) as tf.Tensor1D; // [N]
  const mean = (values: tf.Tensor1D, by = weights) => (by ? values.mul(by) : values).sum().div(images.shape[0]) as tf.Scalar;

  const count = images.shape[0];
  // One pass for both: the encoder's work grows less than the batch.
  const seen = attacked ? (tf.concat([images, attacked.images]) as tf.Tensor4D) : images;
  const [encoded, logVariances] = posterior
    ? (posterior.apply(seen, { training: true }) as [tf.Tensor2D, tf.Tensor2D]) // [N, d] each
    : [encoder.apply(seen, { training: true }) as tf.Tensor2D, null];
  const latents = attacked ? (encoded.slice([0, 0], [count, -1]) as tf.Tensor2D) : encoded;
  const deviations = logVariances ? logVariances.mul(0.5).exp() : tf.scalar(Math.sqrt(encoderNoise));
  // Outliers come last and are not reconstructed; a decoder without any row would have no gradient.
  const own = <T extends tf.Tensor>(rows: T) => (genuine ? tf.slice(rows, [0], [Math.max(1, ownCount ?? count)]) : rows) as T;
  const noisy = own(latents.add(noise.mul(deviations)) as tf.Tensor2D); // [n, d]
  const reconstructions = decoder.apply(noisy, { training: true }) as tf.Tensor4D; // [n, H, W, C]
  const errors = perImage(tf.squaredDifference(own(images), reconstructions)); // [n]
  const reconstruction = mean((genuine ? errors.mul(own(genuine)) : errors) as tf.Tensor1D, weights && own(weights));

  let distance = perImage(tf.squaredDifference(latents, targets)); // [N]
  const apart = means && (latents.expandDims(1).sub(means.expandDims(0)).square().sum(2) as tf.Tensor2D); // [N, k]
  if (apart && (genuine || robust) && outlierLoss.kind === 'margin') {
    const { margin, temperature, weight, outlierWeight = 1 } = outlierLoss;
    const nearness = apart.div(-temperature); // [N, k]
    const crossEntropy = distance.div(temperature).add(nearness.logSumExp(1));
    const ofClass = distance.add(crossEntropy.mul(weight)) as tf.Tensor1D;
    const intrusion = nearness.max(1).add(margin / temperature); // [N]
    const softplus = tf.stack([intrusion, tf.zerosLike(intrusion)], 1).logSumExp(1);
    distance = genuine
      ? (tf.where(genuine.greater(0), ofClass, softplus.mul((outlierWeight * weight) / outliers)) as tf.Tensor1D)
      : ofClass;
  }
  if (labelled && apart) {
    const classes = apart.shape[1];
    const nats = apart.mul(-latentWeight).logSumExp(1).neg().add(Math.log(classes)) as tf.Tensor1D;
    const unlabelled = nats.mul(unlabelledWeight / latentWeight);
    distance = labelled.mul(distance).add(labelled.mul(-1).add(1).mul(unlabelled)) as tf.Tensor1D;
  }
  if (logVariances)
    distance = distance.add(perImage(logVariances.exp())).sub(perImage(logVariances).mul(0.5 / latentWeight)) as tf.Tensor1D;
  let latent = mean(distance);
  if (attacked && means && robust && outlierLoss.kind === 'margin') {
    const { margin, temperature, weight, outlierWeight: share = 1 } = outlierLoss;
    const { rejectWeight, attackedWeight } = robust;
    const outlierWeight = outliers > 0 ? share / outliers : 0;
    const losses = attackedLoss(encoded.slice([count, 0]) as tf.Tensor2D, attacked.targets, attacked.genuine, {
      ...{ means, temperature, margin, rejectWeight, attackedWeight, outlierWeight },
    });
    const weighed = attacked.weights ? losses.mul(attacked.weights) : losses;
    latent = latent.add(weighed.sum().mul(weight / count)) as tf.Scalar;
  }
  if (bounds && means && robust?.certified && outlierLoss.kind === 'margin') {
    const most = pairwiseBounds(encoder, own(images), own(targets), means, bounds.radius);
    const losses = certifiedLoss(most, robust.certified.margin, outlierLoss.temperature);
    const weighed = mean((genuine ? losses.mul(own(genuine)) : losses) as tf.Tensor1D, weights && own(weights));
    latent = latent.add(weighed.mul(outlierLoss.weight * bounds.weight)) as tf.Scalar;
  }
  return { reconstruction, latent, total: reconstruction.add(latent.mul(latentWeight)) as tf.Scalar };
}
