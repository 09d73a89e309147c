import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs';
import { useWasm } from '../../trainer/backend/wasm.ts';
import { lossGradients, weightsOf } from '../../trainer/gradient/loss-gradients.ts';
import type { Model } from '../../trainer/model/build-model.ts';
import { build, models } from './models.ts';

/**
 * One side of the benchmark, as a process: does as many training steps as each line of its input says, and answers a line of
 * JSON with the milliseconds of each, gradient and Adam apart.
 *
 *   node bench/train-step/worker.ts wasm|native MODEL SHARE
 *
 * SHARE is the part of the batch that it works on, 0.5 where two processes work side by side.
 */
const [backend, name, share] = process.argv.slice(2) as [string, string, string];
await (backend === 'native' ? useNative() : useWasm());

const spec = models.find((model) => model.name === name) as (typeof models)[number];
const model: Model = { encoder: build(spec.encoder, spec.input), decoder: build(spec.decoder, [spec.latent]) };
const count = Math.ceil(spec.batch * Number(share));
const images = Float32Array.from({ length: count * spec.input[0] * spec.input[1] * spec.input[2] }, Math.random);
const part = { images, targets: new Float32Array(count * spec.latent), noise: new Float32Array(count * spec.latent), count };
const weights = weightsOf(model);
const adam = tf.train.adam(1e-3);

function step(): { gradient: number; adam: number; cpu: number } {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { gradients } = lossGradients(model, part, spec.input, 100);
  // Native kernels may still be at work when their tensors are there.
  gradients.at(-1)?.dataSync();
  const middle = performance.now();
  const used = process.cpuUsage(cpu);
  adam.applyGradients(weights.map((weight, i) => ({ name: weight.name, tensor: gradients[i] as tf.Tensor })));
  weights.at(-1)?.dataSync();
  const end = performance.now();
  tf.dispose(gradients);
  return { gradient: middle - start, adam: end - middle, cpu: (used.user + used.system) / 1000 };
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(Array.from({ length: Number(line) }, step)));
}

/** Kept in one place until the trainer has a native backend of its own to ask for. */
async function useNative(): Promise<void> {
  process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  process.env.TF_ENABLE_ONEDNN_OPTS = '1';
  await import('@tensorflow/tfjs-node');
  await tf.setBackend('tensorflow');
}
