import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../../shared/random.ts';
import { adam } from '../../trainer/adam.ts';
import { type BackendName, endTraining, useBackend, withSynchronousBackend } from '../../trainer/backend/backends.ts';
import { useWebGpu } from '../../trainer/backend/webgpu/webgpu.ts';
import { encode } from '../../trainer/encode.ts';
import { type BatchShard, lossGradients } from '../../trainer/gradient/loss-gradients.ts';
import { copyParameters, parametersOf } from '../../trainer/gradient/parameters.ts';
import { type Architecture, strided } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import type { Training } from '../../trainer/presets.ts';
import { NO_ATTACKS } from '../../trainer/robust/attack-rows.ts';
import { input, randomImages, tinyArchitecture } from '../export/tiny-model.ts';
import { tinyTraining } from './tiny-dataset.ts';

/** One backend's results for the same weights and data. */
export interface Findings {
  description: string;
  threads: number;
  /** By the kind of training, one entry a step. */
  losses: Record<string, number[]>;
  /** By the kind of training, of the first step. */
  gradients: Record<string, number[]>;
  /** Latents and errors by the running average, after the last step. */
  encodings: number[];
  /** The error of a read after the GPU refused something; null for wasm. */
  fault: string | null;
}

const COUNT = 5;
/** The stride of 1 is what the larger architectures have besides. */
const architecture: Architecture = { ...tinyArchitecture, encoder: [{ filters: 3, kernel: 3, stride: 1 }, ...strided(4, 6)] };
const random = randomFrom(8, 'webgpu');
const part: BatchShard = {
  images: randomImages(COUNT),
  targets: Float32Array.from({ length: 4 * COUNT }, (_, i) => (i % 4 === (i >> 2) % 3 ? 1 : 0)),
  noise: Float32Array.from({ length: 4 * COUNT }, () => random.normal()),
  labelled: Float32Array.of(1, 0, 1, 0, 0),
  weights: Float32Array.of(1, 2, 0.5, 1, 3),
  genuine: Float32Array.of(1, 1, 0, 1, 1),
  ...{ ...NO_ATTACKS, count: COUNT, unlabelledWeight: 0.6, radiusScale: 0 },
};
const kinds: Record<string, { training: Training; steps: number }> = {
  plain: { training: { ...tinyTraining, architecture }, steps: 3 },
  'variable entropy': { training: { ...tinyTraining, architecture: { ...architecture, entropy: 'variable' } }, steps: 1 },
  'semi-supervised, class weights': {
    training: { ...tinyTraining, architecture, labelsPerClass: 1, classWeights: 'balanced' },
    steps: 1,
  },
};

/** node --expose-gc test/trainer/webgpu-process.ts BACKEND: the last line of its output is a `Findings`. */
const backend = await useBackend(process.argv[2] as BackendName);
const { description, threads } = backend;
const findings: Findings = { description, threads, losses: {}, gradients: {}, encodings: [], fault: null };
for (const [kind, { training, steps }] of Object.entries(kinds)) {
  const model = buildModel(training.architecture, input, 5);
  const parameters = parametersOf(model);
  const optimizer = adam(parameters, { beta2: training.adamBeta2, averageDecay: training.averageDecay });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { losses: found, gradient } = await lossGradients(model, parameters, part, { input, classes: 3, training });
    losses.push(found.total);
    if (step === 0) findings.gradients[kind] = Array.from(await gradient.data());
    optimizer.step(gradient, training.learningRate);
    gradient.dispose();
  }
  findings.losses[kind] = losses;
  if (kind === 'plain') {
    const kept = await withSynchronousBackend(backend, () => buildModel(training.architecture, input, 6));
    await copyParameters(backend, optimizer.average(), parametersOf(kept));
    const encodings = await withSynchronousBackend(backend, () =>
      encode(kept, randomImages(20, 2), input, { means: [], relativeErrorOffset: 1, scores: [] }),
    );
    findings.encodings = encodings.flatMap(({ latent, reconstructionError }) => [...latent, reconstructionError]);
  }
  optimizer.dispose();
}
await endTraining(backend);
if (tf.getBackend() !== 'wasm') throw new Error(`what follows a training would be on ${tf.getBackend()}`);
if (backend.close) findings.fault = await faultOfTooLarge();
console.log(JSON.stringify(findings));

/** On the backend opened anew. */
async function faultOfTooLarge(): Promise<string | null> {
  await collectGarbage();
  await useWebGpu();
  const { device } = tf.backend() as tf.KernelBackend & { device: GPUDevice };
  device.createBuffer({ size: 2 * device.limits.maxBufferSize, usage: GPUBufferUsage.STORAGE });
  const read = tf.ones([4]).add(1).data();
  const fault = await read.then(
    () => null,
    (error: Error) => `${error.name}: ${error.message}`,
  );
  await tf.setBackend('wasm');
  backend.close?.();
  await collectGarbage();
  return fault;
}

/** Collects closed objects, which would end the process if Dawn were released and opened again. */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
