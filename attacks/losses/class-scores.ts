import * as tf from '@tensorflow/tfjs';
import type { OptionalGraphScore, ScoreName } from '../../shared/score-table.ts';
import type { GradientModel } from '../attack.ts';
import { rivalMargins } from './rival-margin.ts';

/** Images with the latents and reconstructions that explain them: the model's, or those of a search. */
export interface Explained {
  /** [N, H, W, C] */
  images: tf.Tensor4D;
  /** [N, d] */
  latents: tf.Tensor2D;
  /** [N, H, W, C] */
  reconstructions: tf.Tensor4D;
  /** Reconstruction errors, [N]. */
  errors: tf.Tensor1D;
}

/** Calculates a score of each image for each class, [N, k]; or [N, 1] where it does not depend on the class. */
type ClassScore = (model: GradientModel, explained: Explained) => tf.Tensor2D;

type Autoencoder = Pick<GradientModel, 'encoder' | 'decoder' | 'means' | 'guarantee'>;

/** The optional scores that graphs answer. They need nothing from a calibration, so the trainer computes them in the same way. */
export const OPTIONAL_CLASS_SCORES: Record<OptionalGraphScore, (model: Autoencoder, explained: Explained) => tf.Tensor2D> = {
  meanReconstructionError(model, { images }) {
    const x = images.reshape([images.shape[0], -1]) as tf.Tensor2D; // [N, p]
    const means = meanReconstructions(model); // [k, p]
    // ||x - m||^2 without a tensor of [N, k, p].
    const squares = x.square().sum(1, true).add(means.square().sum(1));
    return squares.sub(tf.matMul(x, means, false, true).mul(2)).maximum(0) as tf.Tensor2D;
  },
  rivalMargin: (model, { images }) => rivalMargins(model, images),
};

/** The scores of the decision with gradients: what `export/graphs.ts` writes into screen.onnx, for every class. */
export const CLASS_SCORES: Record<ScoreName, ClassScore> = {
  latentDistance: mahalanobis,
  reconstructionError: (_, { errors }) => errors.expandDims(1),
  relativeError: ({ relativeErrorOffset }, { images, errors }) => {
    const energy = images.square().sum([1, 2, 3]).add(relativeErrorOffset);
    return errors.div(energy).expandDims(1);
  },
  ...OPTIONAL_CLASS_SCORES,
};

const decodedMeans = new WeakMap<Autoencoder, Float32Array>();

/** Decodes the class means, once for each model: [k, pixels]. */
function meanReconstructions(model: Autoencoder): tf.Tensor2D {
  const { means, decoder } = model;
  const decode = () => tf.tidy(() => (decoder.predict(tf.tensor2d(means)) as tf.Tensor).dataSync() as Float32Array).slice();
  const decoded = decodedMeans.get(model) ?? decode();
  decodedMeans.set(model, decoded);
  return tf.tensor2d(decoded, [means.length, decoded.length / means.length]);
}

export function explain(model: Pick<GradientModel, 'encoder' | 'decoder'>, images: tf.Tensor4D): Explained {
  const latents = model.encoder.apply(images) as tf.Tensor2D;
  const reconstructions = model.decoder.apply(latents) as tf.Tensor4D;
  return { images, latents, reconstructions, errors: tf.squaredDifference(images, reconstructions).sum([1, 2, 3]) };
}

/** z - mu_c of each latent and class, [N, k, d]. */
export const fromMeans = ({ means }: Pick<GradientModel, 'means'>, latents: tf.Tensor2D) =>
  latents.expandDims(1).sub(tf.tensor2d(means)) as tf.Tensor3D;

function mahalanobis(model: GradientModel, { latents }: Explained): tf.Tensor2D {
  const { covariances, precisions } = model;
  const away = fromMeans(model, latents);
  if (covariances.kind === 'spherical')
    return away
      .square()
      .sum(2)
      .div(tf.tensor2d([covariances.values]));
  if (covariances.kind === 'diagonal') return away.square().div(tf.tensor2d(covariances.values)).sum(2);
  const ofClasses = away.transpose([1, 0, 2]); // [k, N, d]
  const weighted = tf.matMul(ofClasses, tf.tensor3d(precisions as number[][][]));
  return weighted.mul(ofClasses).sum(2).transpose();
}
