import * as tf from '@tensorflow/tfjs';
import { roundingShare, UNDERFLOW } from '../../shared/decision/interval-rounding.ts';

/** Bounds of an activation over all images within the radius, [N, …] both. */
interface Box<T extends tf.Tensor = tf.Tensor> {
  lower: T;
  upper: T;
}

/**
 * Calculates bounds of what an encoder's last layer takes, over all images in [0, 1] within a radius in linf (Gowal et al., ICCV 2019), as
 * `export/interval-bounds.ts` writes them. They are differentiable by the image and by the weights.
 *
 * @param images [N, H, W, C] in [0, 1]
 * @returns bounds of 0 or more, [N, n], and the last layer, dense and linear
 * @throws TypeError naming a layer without bounds
 */
export function hiddenBounds(encoder: tf.LayersModel, images: tf.Tensor4D, radius: number): Box<tf.Tensor2D> & { last: tf.layers.Layer } {
  const image: Box = { lower: images.sub(radius).maximum(0), upper: images.add(radius).minimum(1) };
  const layers = encoder.layers.filter((layer) => layer.getClassName() !== 'InputLayer');
  const last = layers.pop() as tf.layers.Layer;
  return { ...(layers.reduce(bounded, image) as Box<tf.Tensor2D>), last };
}

/** Calculates the bounds after a layer (`export/interval-bounds.ts`). */
function bounded({ lower, upper }: Box, layer: tf.layers.Layer): Box {
  const kind = layer.getClassName();
  if (kind !== 'Conv2D' && kind !== 'Dense') {
    if (!['MaxPooling2D', 'Flatten', 'Reshape'].includes(kind)) throw new TypeError(`${layer.name} (${kind}) has no interval bounds`);
    return { lower: layer.apply(lower) as tf.Tensor, upper: layer.apply(upper) as tf.Tensor };
  }
  if (layer.getConfig().activation !== 'relu') throw new TypeError(`${layer.name} without ReLU has no interval bounds`);
  const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
  const share = roundingShare(kernel.size / (kernel.shape.at(-1) as number));
  const strides = layer.getConfig().strides as [number, number];
  const apply = (x: tf.Tensor, weights: tf.Tensor) =>
    kind === 'Dense' ? tf.matMul(x, weights) : tf.conv2d(x as tf.Tensor4D, weights as tf.Tensor4D, strides, 'same');
  const centre = apply(lower.add(upper).div(2), kernel).add(bias);
  const width = upper.sub(lower).div(2).add(upper.mul(share));
  const radius = apply(width, kernel.abs()).add(bias.abs().mul(share).add(UNDERFLOW));
  return { lower: centre.sub(radius).relu(), upper: centre.add(radius).relu() };
}
