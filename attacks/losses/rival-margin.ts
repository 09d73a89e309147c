import * as tf from '@tensorflow/tfjs';
import { boxRadius, roundingShare } from '../../shared/decision/interval-rounding.ts';
import type { GradientModel } from '../attack.ts';
import { hiddenBounds } from './interval-bounds.ts';

/** Keeps a label from being its own rival. */
const NEVER = -1e9;

/**
 * Calculates the rival margin of every label with its gradient: what `export/rival-margin.ts` writes for the image's own. The bounds are
 * piecewise linear in the image, so the gradient is exact where there is one; nothing is passed straight through.
 *
 * @param images [N, H, W, C] in [0, 1]
 * @returns [N, k]
 * @throws TypeError if the model has no guarantee, or its encoder a layer without bounds
 */
export function rivalMargins(
  { encoder, means, guarantee }: Pick<GradientModel, 'encoder' | 'means' | 'guarantee'>,
  images: tf.Tensor4D,
): tf.Tensor2D {
  if (!guarantee) throw new TypeError('the rival margin needs a guarantee');
  const { lower, upper, last } = hiddenBounds(encoder, images, boxRadius(guarantee.radius));
  const [kernel, bias] = last.getWeights() as [tf.Tensor2D, tf.Tensor1D];
  const k = means.length;
  const n = kernel.shape[0];
  const ofClasses = kernel.slice([0, 0], [n, k]).transpose<tf.Tensor2D>(); // [k, n]
  const between = ofClasses.expandDims(0).sub(ofClasses.expandDims(1)).reshape([-1, n]) as tf.Tensor2D; // w_t - w_y, [y t, n]
  const times = (bound: tf.Tensor2D, weights: tf.Tensor2D) => tf.matMul(bound, weights, false, true);
  const most = times(upper, between.relu()).sub(times(lower, between.neg().relu())).reshape([-1, k, k]);
  const biases = bias.slice([0], [k]);
  const offsets = biases.expandDims(0).sub(biases.expandDims(1)).add(tf.eye(k).mul(NEVER)); // b_t - b_y
  const shares = most.add(offsets).add(1).div(2).max(2); // [N, k]
  const share = roundingShare(n);
  const rounding = upper.mul(ofClasses.abs().max(0).mul(share)).sum(1, true).add(biases.abs().max().mul(share)); // [N, 1]
  return shares.add(rounding).maximum(0);
}
