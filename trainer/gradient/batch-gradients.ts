import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../shared/user-error.ts';
import type { Backend } from '../backend/backends.ts';
import type { Model } from '../model/build-model.ts';
import { type GradientThreadData, rowSizes, rowsOf, STATE } from './gradient-memory.ts';
import { type Losses, type LossSetting, lossGradients, type Part } from './loss-gradients.ts';
import type { Parameters } from './parameters.ts';

/** A further thread did not start, or failed; the message says what to do. */
export class ThreadError extends UserError {}

/** Loss and gradient of whole batches, both means over the batch. */
export interface BatchGradients {
  /** @returns `gradient` by all parameters, to be disposed of by the caller */
  of(batch: Part): Promise<{ losses: Losses; gradient: tf.Tensor1D }>;
  close(): Promise<void>;
}

/**
 * A batch is cut into `threads` parts, each worked on by a thread of its own (this one is the first); what they find is added in
 * a fixed order, so the same number of threads gives the same bits.
 *
 * @param batchSize of the largest batch
 * @param threads how many, and how the further ones compute; wasm uses one of itself under Node, and of TensorFlow's two are nearly
 *   twice as fast so as when they share the work of each operation
 * @throws ThreadError where a thread does not start
 */
export async function openBatchGradients(
  model: Model,
  parameters: Parameters,
  setting: LossSetting,
  batchSize: number,
  { parts: threads, thread: backend }: Pick<Backend, 'parts' | 'thread'>,
): Promise<BatchGradients> {
  const most = Math.ceil(batchSize / threads);
  const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
  const sizes = rowSizes(setting);
  const others = Array.from({ length: threads - 1 }, () => {
    const data: GradientThreadData = {
      ...{ backend, setting },
      control: new Int32Array(new SharedArrayBuffer(8)),
      unlabelledWeight: floats(1),
      parameters: floats(parameters.count),
      rows: {
        images: floats(most * sizes.images),
        targets: floats(most * sizes.targets),
        noise: floats(most * sizes.noise),
        labelled: floats(most),
        weights: floats(most),
        genuine: floats(most),
      },
      answer: floats(parameters.count + 3),
    };
    return { data, worker: startThread(data) };
  });
  const close = async () => {
    for (const { data } of others) {
      Atomics.store(data.control, 0, STATE.end);
      Atomics.notify(data.control, 0);
    }
    await Promise.all(others.map(({ worker }) => worker?.terminate()));
  };
  await Promise.all(others.map(({ data: { control } }) => Atomics.waitAsync(control, 0, STATE.starting, START_MS).value));
  if (others.some(({ data: { control } }) => Atomics.load(control, 0) !== STATE.idle)) {
    await close();
    throw new ThreadError(
      `of ${threads} threads for gradients not all could be started. Train with --threads 1, or fewer than ${threads}.`,
    );
  }
  return { of: (batch) => (others.length === 0 ? lossGradients(model, parameters, batch, setting) : shared(batch)), close };

  async function shared(batch: Part): Promise<{ losses: Losses; gradient: tf.Tensor1D }> {
    const [first, ...parts] = cut(batch, setting, threads) as [Part, ...Part[]];
    const asked = others.filter((_, i) => (parts[i]?.count ?? 0) > 0);
    const values = parameters.values();
    const flat = values.dataSync();
    values.dispose();
    asked.forEach(({ data }, i) => {
      const part = parts[i] as Part;
      data.parameters.set(flat);
      rowsOf(setting, 0, part.count, (name) => data.rows[name].set(part[name]));
      data.unlabelledWeight[0] = part.unlabelledWeight;
      data.control[1] = part.count;
      Atomics.store(data.control, 0, STATE.work);
      Atomics.notify(data.control, 0);
    });
    const started = performance.now();
    const own = await lossGradients(model, parameters, first, setting);
    // Its part is not larger than this one's; a machine that is busy may give it a processor later.
    const patience = LEAST_PATIENCE_MS + 10 * (performance.now() - started);
    const answers = asked.map(({ data }, i) => {
      if (!isAnswered(data.control, patience))
        throw new ThreadError(
          'a thread for gradients failed or is stuck. Go on with pnpm train --resume, or train a new run with --threads 1.',
        );
      const [reconstruction, latent, total] = data.answer.subarray(parameters.count) as unknown as [number, number, number];
      return { losses: { reconstruction, latent, total }, gradient: data.answer, count: parts[i]?.count as number };
    });
    const share = (count: number) => count / batch.count;
    const of = (name: keyof Losses) =>
      answers.reduce((sum, { losses, count }) => sum + share(count) * losses[name], share(first.count) * own.losses[name]);
    const gradient = tf.tidy(() => {
      let sum = own.gradient.mul(share(first.count)) as tf.Tensor1D;
      for (const answer of answers)
        sum = sum.add(tf.tensor1d(answer.gradient.slice(0, parameters.count)).mul(share(answer.count))) as tf.Tensor1D;
      return sum;
    });
    own.gradient.dispose();
    return { losses: { reconstruction: of('reconstruction'), latent: of('latent'), total: of('total') }, gradient };
  }
}

const START_MS = 60_000;
const LEAST_PATIENCE_MS = 30_000;

/** In slices: while the whole process is stopped (Ctrl-Z), only one of them passes. */
function isAnswered(control: Int32Array<SharedArrayBuffer>, patience: number): boolean {
  const slice = 1000;
  for (let waited = 0; waited < patience && Atomics.load(control, 0) === STATE.work; waited += slice)
    Atomics.wait(control, 0, STATE.work, slice);
  return Atomics.load(control, 0) === STATE.done;
}

/** Null, and marked as failed, where the system gives no more threads. */
function startThread(data: GradientThreadData): Worker | null {
  const fail = () => {
    Atomics.store(data.control, 0, STATE.failed);
    Atomics.notify(data.control, 0);
  };
  try {
    const worker = new Worker(new URL('gradient-thread.ts', import.meta.url), { workerData: data });
    // As where it has no memory left; unheard, that would end this process.
    return worker.once('error', fail);
  } catch {
    fail();
    return null;
  }
}

/** Parts as equal as can be, the first ones larger; none is longer than ceil(count / parts). */
function cut(batch: Part, setting: LossSetting, parts: number): Part[] {
  let first = 0;
  return Array.from({ length: parts }, (_, i) => {
    const count = Math.ceil((batch.count - first) / (parts - i));
    const rows = rowsOf(setting, first, count, (name, from, to) => batch[name].subarray(from, to));
    first += count;
    return { ...rows, count, unlabelledWeight: batch.unlabelledWeight };
  });
}
