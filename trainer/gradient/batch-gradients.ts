import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Model } from '../model/build-model.ts';
import type { Training } from '../presets.ts';
import { type GradientThreadData, STATE } from './gradient-memory.ts';
import { type Losses, lossGradients, type Part, weightsOf } from './loss-gradients.ts';

/** Loss and gradient of whole batches, both means over the batch. */
export interface BatchGradients {
  /** @returns `gradients`, one for each of `weightsOf(model)`, to be disposed of by the caller */
  of(batch: Part): { losses: Losses; gradients: tf.Tensor[] };
  close(): Promise<void>;
}

/**
 * A batch is cut into `threads` parts, each worked on by a thread of its own (this one is the first); what they find is added in
 * a fixed order, so the same number of threads gives the same bits.
 *
 * @param threads 1 or more; tfjs's wasm backend itself uses one under Node
 * @throws Error where a thread does not start
 */
export async function openBatchGradients(
  model: Model,
  input: Screening['input'],
  training: Training,
  threads: number,
): Promise<BatchGradients> {
  const shape: [number, number, number] = [input.height, input.width, input.channels];
  const weights = weightsOf(model);
  const others: { worker: Worker; data: GradientThreadData }[] = [];
  const most = Math.ceil(training.batchSize / threads);
  const total = weights.reduce((sum, { size }) => sum + size, 0);
  const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
  for (let i = 1; i < threads; i++) {
    const data: GradientThreadData = {
      ...{ architecture: training.architecture, input, latentWeight: training.latentWeight },
      control: new Int32Array(new SharedArrayBuffer(8)),
      weights: floats(total),
      images: floats(most * shape[0] * shape[1] * shape[2]),
      targets: floats(most * training.architecture.latentDim),
      noise: floats(most * training.architecture.latentDim),
      answer: floats(total + 3),
    };
    others.push({ data, worker: new Worker(new URL('gradient-thread.ts', import.meta.url), { workerData: data }) });
  }
  const close = async () => {
    for (const { data } of others) {
      Atomics.store(data.control, 0, STATE.end);
      Atomics.notify(data.control, 0);
    }
    await Promise.all(others.map(({ worker }) => worker.terminate()));
  };
  await Promise.all(others.map(({ data: { control } }) => Atomics.waitAsync(control, 0, STATE.starting, START_MS).value));
  if (others.some(({ data: { control } }) => Atomics.load(control, 0) !== STATE.idle)) {
    await close();
    throw new Error('a thread for gradients did not start. Train with --threads 1.');
  }
  return { of: (batch) => (others.length === 0 ? lossGradients(model, batch, shape, training.latentWeight) : shared(batch)), close };

  function shared(batch: Part): { losses: Losses; gradients: tf.Tensor[] } {
    const parts = cut(batch, threads);
    const flat = new Float32Array(total);
    let at = 0;
    for (const weight of weights) {
      flat.set(weight.dataSync(), at);
      at += weight.size;
    }
    const asked = others.filter((_, i) => (parts[i + 1]?.count ?? 0) > 0);
    asked.forEach(({ data }, i) => {
      const part = parts[i + 1] as Part;
      data.weights.set(flat);
      for (const name of ['images', 'targets', 'noise'] as const) data[name].set(part[name]);
      data.control[1] = part.count;
      Atomics.store(data.control, 0, STATE.work);
      Atomics.notify(data.control, 0);
    });
    const own = lossGradients(model, parts[0] as Part, shape, training.latentWeight);
    const share = (count: number) => count / batch.count;
    const losses = weighted(own.losses, share((parts[0] as Part).count));
    const sum = tf.tidy(() => own.gradients.map((gradient) => tf.keep(gradient.mul(share((parts[0] as Part).count)))));
    tf.dispose(own.gradients);
    let gradients = sum;
    asked.forEach(({ data }, i) => {
      Atomics.wait(data.control, 0, STATE.work, STEP_MS);
      if (Atomics.load(data.control, 0) !== STATE.done)
        throw new Error('a thread for gradients failed or is stuck. Go on with pnpm train --resume, or train a new run with --threads 1.');
      const weight = share((parts[i + 1] as Part).count);
      const [reconstruction, latent, whole] = data.answer.subarray(total) as unknown as [number, number, number];
      for (const [name, value] of Object.entries({ reconstruction, latent, total: whole })) losses[name as keyof Losses] += weight * value;
      let from = 0;
      const before = gradients;
      gradients = tf.tidy(() =>
        before.map((gradient) => {
          const more = tf.tensor(data.answer.slice(from, from + gradient.size), gradient.shape);
          from += gradient.size;
          return tf.keep(gradient.add(more.mul(weight)));
        }),
      );
      tf.dispose(before);
    });
    return { losses, gradients };
  }
}

const START_MS = 60_000;
/** A step takes a second at most; a thread that takes this long is stuck. */
const STEP_MS = 600_000;

function weighted(losses: Losses, share: number): Losses {
  return { reconstruction: share * losses.reconstruction, latent: share * losses.latent, total: share * losses.total };
}

/** Parts as equal as can be, the first ones larger; none is longer than ceil(count / parts). */
function cut(batch: Part, parts: number): Part[] {
  const [size, d] = [batch.images.length / batch.count, batch.targets.length / batch.count];
  let first = 0;
  return Array.from({ length: parts }, (_, i) => {
    const count = Math.ceil((batch.count - first) / (parts - i));
    const [from, to] = [first, first + count];
    first = to;
    return {
      images: batch.images.subarray(from * size, to * size),
      targets: batch.targets.subarray(from * d, to * d),
      noise: batch.noise.subarray(from * d, to * d),
      count,
    };
  });
}
