import * as tf from '@tensorflow/tfjs';

/**
 * Scales the initial kernels of an encoder's hidden layers for interval bounds: to a standard deviation of sqrt(2 pi) / n instead of He's
 * sqrt(2 / n), for n inputs of a unit (Shi et al., _Fast certified robust training with short warmup_, NeurIPS 2021, section 4.1). A layer
 * of independent normal weights with He's deviation makes boxes sqrt(n / pi) times as wide, half of a ReLU included, so that from the first
 * step on bounds are all that a loss sees, and units die; with this one they neither grow nor shrink.
 */
export function scaleForBounds(encoder: tf.LayersModel): void {
  tf.tidy(() => {
    const layers = encoder.layers.filter((layer) => layer.getWeights().length > 0);
    for (const layer of layers.slice(0, -1)) {
      const [kernel, ...others] = layer.getWeights() as [tf.Tensor, ...tf.Tensor[]];
      const inputs = kernel.size / (kernel.shape.at(-1) as number);
      // The initial values are cut off at two deviations, so theirs is a little smaller than He's.
      const deviation = tf.moments(kernel).variance.sqrt();
      layer.setWeights([kernel.div(deviation).mul(Math.sqrt(2 * Math.PI) / inputs), ...others]);
    }
  });
}
