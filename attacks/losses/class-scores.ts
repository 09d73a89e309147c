import * as tf from '@tensorflow/tfjs';
import type { ScoreName } from '../../shared/score-table.ts';
import type { GradientModel } from '../attack.ts';

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

/** The scores of the decision with gradients: what `export/graphs.ts` writes into screen.onnx, for every class. */
export const CLASS_SCORES: Record<ScoreName, ClassScore> = {
  latentDistance: mahalanobis,
  reconstructionError: (_, { errors }) => errors.expandDims(1),
  relativeError: ({ relativeErrorOffset }, { images, errors }) => {
    const energy = images.square().sum([1, 2, 3]).add(relativeErrorOffset);
    return errors.div(energy).expandDims(1);
  },
};

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
