import * as tf from '@tensorflow/tfjs';
import type { AttackedModel } from '../../attacks/attack.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { type Dataset, imagesAt, labelsAt } from '../../trainer/data/dataset.ts';
import type { EvaluationContext } from './context.ts';

/** A small convolutional network that is trained on the labels alone, as people have without Portcullis. */
export interface PlainClassifier {
  /** image [N, H, W, C] → logits [N, k] */
  logits: tf.LayersModel;
  /** image → the 64 values before them, after the ReLU */
  features: tf.LayersModel;
}

const FEATURES = 64;
const BATCH = 64;
/** Enough images for some 98 % on digits. */
const MOST_IMAGES = 30_000;
const LEARNING_RATE = 2e-3;

/**
 * Trains a classifier over the training images (at most 30,000 of them), in seconds to a minute. The same seed and backend give the same
 * one.
 */
export function trainPlainClassifier({ train, input, classes }: Dataset, seed: number, epochs = 1): PlainClassifier {
  const inputShape: [number, number, number] = [input.height, input.width, input.channels];
  const initial = (number: number) => ({ kernelInitializer: tf.initializers.heNormal({ seed: seed + number }) });
  const convolution = { kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' } as const;
  const hidden = tf.layers.dense({ units: FEATURES, activation: 'relu', ...initial(2) });
  const logits = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape, filters: 16, ...convolution, ...initial(0) }),
      tf.layers.conv2d({ filters: 32, ...convolution, ...initial(1) }),
      tf.layers.flatten(),
      hidden,
      tf.layers.dense({ units: classes.length, ...initial(3) }),
    ],
  });
  const optimizer = tf.train.adam(LEARNING_RATE);
  const random = randomFrom(seed, 'plain-classifier');
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.shuffle(Array.from({ length: train.count }, (_, i) => i)).slice(0, MOST_IMAGES);
    for (let first = 0; first < order.length; first += BATCH) {
      const indices = order.slice(first, first + BATCH);
      tf.tidy(() => {
        const images = tf.tensor4d(imagesAt(train, indices), [indices.length, ...inputShape]);
        const labels = tf.oneHot(tf.tensor1d(labelsAt(train, indices), 'int32'), classes.length);
        optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, logits.apply(images) as tf.Tensor) as tf.Scalar);
      });
    }
  }
  optimizer.dispose();
  return { logits, features: tf.model({ inputs: logits.inputs, outputs: hidden.output }) };
}

/** Returns the rows of a model's outputs for flat images, `atOnce` at a time. */
export function outputsOf(model: tf.LayersModel, images: Float32Array, shape: readonly [number, number, number], atOnce = 200): number[][] {
  const size = shape[0] * shape[1] * shape[2];
  const rows: number[][] = [];
  for (let first = 0; first < images.length; first += atOnce * size) {
    const part = images.slice(first, first + atOnce * size);
    rows.push(...tf.tidy(() => (model.predict(tf.tensor4d(part, [part.length / size, ...shape])) as tf.Tensor2D).arraySync()));
  }
  return rows;
}

let substitute: AttackedModel | undefined;

/** Trains a plain network once a thread, and presents it as the attacked model. */
export function plainNetwork(context: EvaluationContext): AttackedModel {
  substitute ??= asEncoder(context);
  return substitute;
}

/**
 * Turns a plain network into an encoder: for z = logits / 20 and one-hot means, -||z - mu_j||^2 / 0.1 differs from the logits by a term
 * that all classes share, so its cross-entropy is the network's own.
 */
function asEncoder({ dataset, model, seed }: EvaluationContext): AttackedModel {
  // Not the seed of anything that made the bundle.
  const { logits } = trainPlainClassifier(dataset, seed + 1000);
  const last = logits.layers.at(-1) as tf.layers.Layer;
  last.setWeights(last.getWeights().map((weights) => weights.div(20)));
  return { ...model, encoder: logits, means: oneHotMeans(dataset.classes.length, dataset.classes.length) };
}
