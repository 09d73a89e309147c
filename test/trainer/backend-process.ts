import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../../shared/random.ts';
import { adam } from '../../trainer/adam.ts';
import { type BackendName, useBackend } from '../../trainer/backend/backends.ts';
import { largestBatch, trainingImages } from '../../trainer/data/batches.ts';
import { encode } from '../../trainer/encode.ts';
import { fit as fitModel } from '../../trainer/fit.ts';
import { openBatchGradients } from '../../trainer/gradient/batch-gradients.ts';
import { parametersOf } from '../../trainer/gradient/parameters.ts';
import { strided } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { loadModel, saveModel } from '../../trainer/model/save-model.ts';
import type { Training } from '../../trainer/presets.ts';
import { input, randomImages } from '../export/tiny-model.ts';
import { tinyDataset, tinyTraining } from './tiny-dataset.ts';

/** One backend's results for the same weights and data. */
export interface Findings {
  description: string;
  why: string;
  threads: number;
  /** Losses of 50 steps. */
  losses: number[];
  /** Output and gradients of each kind of layer, flat. */
  layers: Record<string, number[][]>;
  /** Latents of the trained model. */
  latents: number[];
  /** The same after the model was saved and loaded. */
  reloaded: number[];
  /** The same for the model of `other`, if that was given. */
  others: number[];
}

/** node test/trainer/backend-process.ts BACKEND FOLDER [FOLDER OF ANOTHER BACKEND]: writes FOLDER/findings.json and FOLDER/model. */
const [name, folder, other] = process.argv.slice(2) as [BackendName, string, string | undefined];

const training: Training = {
  ...tinyTraining,
  architecture: { encoder: strided(8, 16), decoder: strided(8, 16), dense: 24, latentDim: 4, entropy: 'constant' },
  ...{ epochs: 5, batchSize: 32, learningRate: 3e-3 },
};

const random = randomFrom(7, 'backends');
const tensor = (...shape: number[]) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  );

/** y and the gradients of a weighted sum of it, for each argument. */
function gradientsOf(layer: (...args: tf.Tensor[]) => tf.Tensor, ...args: tf.Tensor[]): number[][] {
  const y = layer(...args);
  const gradients = tf.grads(layer)(args, tensor(...y.shape));
  return [y, ...gradients].map((found) => Array.from(found.dataSync()));
}

const backend = await useBackend(name);
const layers = {
  // Odd sides too, where 'same' pads one side more.
  conv: gradientsOf((x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 'same'), tensor(3, 8, 8, 2), tensor(4, 4, 2, 5)),
  oddConv: gradientsOf((x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 'same'), tensor(2, 7, 5, 3), tensor(4, 4, 3, 4)),
  transposed: gradientsOf(
    (x, f) => tf.conv2dTranspose(x as tf.Tensor4D, f as tf.Tensor4D, [3, 8, 8, 2], 2, 'same'),
    tensor(3, 4, 4, 5),
    tensor(4, 4, 2, 5),
  ),
  dense: gradientsOf(
    (x, w, b) =>
      tf
        .matMul(x as tf.Tensor2D, w as tf.Tensor2D)
        .add(b)
        .relu(),
    tensor(6, 10),
    tensor(10, 7),
    tensor(7),
  ),
  sigmoid: gradientsOf((x) => tf.sigmoid(x), tensor(6, 10)),
};
const model = buildModel(training.architecture, input, 5);
const parameters = parametersOf(model);
const { train, classes } = tinyDataset(320, 3);
const indices = Array.from({ length: 320 }, (_, i) => i);
const images = trainingImages(train, input, classes.length, indices, training, randomFrom(1, 'labels'));
const gradients = await openBatchGradients(model, parameters, { input, classes: classes.length, training }, largestBatch(training), {
  ...backend,
  parts: 1,
});
const losses: number[] = [];
await fitModel(images, training, {
  ...{ seed: 9, optimizer: adam(parameters, { beta2: 0.99, averageDecay: 0.9 }), gradients, from: null, secondsBetweenCheckpoints: 1000 },
  onStep: ({ total }) => void losses.push(total),
  onEpoch: async () => null,
  onCheckpoint: async () => {},
});
await saveModel(join(folder, 'model'), model);
const latentsOf = (of: typeof model) =>
  encode(of, randomImages(20), input, { means: [], relativeErrorOffset: 1, scores: [] }).flatMap(({ latent }) => latent);
const { description, why, threads } = backend;
const findings: Findings = {
  ...{ description, why, threads, losses, layers },
  latents: latentsOf(model),
  reloaded: latentsOf(await loadModel(join(folder, 'model'))),
  others: other ? latentsOf(await loadModel(join(other, 'model'))) : [],
};
await writeFile(join(folder, 'findings.json'), JSON.stringify(findings));
