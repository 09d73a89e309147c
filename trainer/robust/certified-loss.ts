import * as tf from '@tensorflow/tfjs';
import { hiddenBounds } from '../../attacks/losses/interval-bounds.ts';

/** Keeps a class from being its own rival. */
const NEVER = -1e9;

/**
 * Bounds, from above, what the latent of any image within the radius keeps from its class: z_t - z_y for each class t, where z_t = mu_t z.
 * With h in [l, u] the input of the last layer, z = W h + b, c = (l + u) / 2, r = (u - l) / 2 and v = W (mu_t - mu_y), it is
 * v c + b (mu_t - mu_y) + |v| r: the last layer is elided (Gowal et al., ICCV 2019, section 3), so what z_t and z_y share cancels first.
 *
 * @param images [N, H, W, C] in [0, 1]
 * @param targets mu_y of each, [N, d]
 * @param means [k, d], one-hot
 * @param radius in linf
 * @returns [N, k]; far below 0 for the own class
 */
export function pairwiseBounds(
  encoder: tf.LayersModel,
  images: tf.Tensor4D,
  targets: tf.Tensor2D,
  means: tf.Tensor2D,
  radius: number,
): tf.Tensor2D {
  const { lower, upper, last } = hiddenBounds(encoder, images, radius);
  const [kernel, bias] = last.getWeights() as [tf.Tensor2D, tf.Tensor1D]; // [n, d], [d]
  const own = tf.matMul(targets, means, false, true); // [N, k], 1 for the own class
  const ofClasses = tf.matMul(means, kernel, false, true); // [k, n]
  const biases = tf.matMul(means, bias.expandDims(1)).transpose(); // [1, k]
  const contrasts = ofClasses.expandDims(0).sub(tf.matMul(own, ofClasses).expandDims(1)); // [N, k, n]
  const [centre, width] = [lower.add(upper).div(2), upper.sub(lower).div(2)].map((own) => own.expandDims(1)) as [tf.Tensor, tf.Tensor];
  const most = contrasts.mul(centre).add(contrasts.abs().mul(width)).sum(2); // [N, k]
  return most.add(biases).sub(own.mul(biases).sum(1, true)).add(own.mul(NEVER)) as tf.Tensor2D;
}

/**
 * Computes log(1 + sum_{t != y} exp((b_t - margin) / T)) from the pairwise bounds b_t: nothing where every bound lies below the margin, and
 * otherwise about the largest excess over T. It is the softplus of the log-sum-exp of the excesses. A loss on the box of the latent alone
 * would have no gradient while that box holds every mean, which it does at first.
 *
 * @param bounds [N, k]
 * @returns [N]
 */
export function certifiedLoss(bounds: tf.Tensor2D, margin: number, temperature: number): tf.Tensor1D {
  const excess = bounds.sub(margin).div(temperature);
  return tf.concat([excess, tf.zeros([bounds.shape[0], 1])], 1).logSumExp(1) as tf.Tensor1D;
}
