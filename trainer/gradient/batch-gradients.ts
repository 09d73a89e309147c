import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../shared/user-error.ts';
import type { ThreadBackend } from '../backend/backend.ts';
import type { Backend } from '../backend/backends.ts';
import type { Model } from '../model/build-model.ts';
import { type BatchShard, type Losses, type LossSetting, lossGradients, type RowName, rowSizes, rowsOf } from './loss-gradients.ts';
import type { Parameters } from './parameters.ts';

/** A further thread did not start, or failed. */
export class ThreadError extends UserError {}

/** Computes loss and gradient of whole batches, both means over the batch. */
export interface BatchGradients {
  /** @returns `gradient` by all parameters, to be disposed of by the caller */
  of(batch: BatchShard): Promise<{ losses: Losses; gradient: tf.Tensor1D }>;
  close(): Promise<void>;
}

/** The input and output of a thread, in memory shared with the one that trains. */
export interface GradientThreadData {
  backend: ThreadBackend;
  setting: LossSetting;
  /** STATE, and the number of images of the part. */
  control: Int32Array<SharedArrayBuffer>;
  /** BatchShard.unlabelledWeight and BatchShard.radiusScale */
  schedule: Float32Array<SharedArrayBuffer>;
  /** All weights, one after the other. */
  parameters: Float32Array<SharedArrayBuffer>;
  /** The rows of the part, with room for the largest. */
  rows: Record<RowName, Float32Array<SharedArrayBuffer>>;
  /** The answer: the gradient by all parameters, then reconstruction, latent, total. */
  answer: Float32Array<SharedArrayBuffer>;
}

export const STATE = { starting: 0, idle: 1, work: 2, done: 3, failed: 4, end: 5 } as const;

/**
 * Cuts each batch into parts, each worked on by a thread of its own (this one is the first), and adds what they find in a fixed order,
 * so that the same number of threads gives the same bits.
 *
 * @param batchSize of the largest batch
 * @throws ThreadError if a thread does not start
 */
export async function openBatchGradients(
  model: Model,
  parameters: Parameters,
  setting: LossSetting,
  batchSize: number,
  { parts, thread }: Pick<Backend, 'parts' | 'thread'>,
): Promise<BatchGradients> {
  const threads = thread ? parts : 1;
  const others = Array.from({ length: threads - 1 }, () => {
    const data = sharedMemory(thread as ThreadBackend, setting, parameters.count, Math.ceil(batchSize / threads));
    return { data, worker: startThread(data) };
  });
  const close = async () => {
    for (const { data } of others) setState(data.control, STATE.end);
    await Promise.all(others.map(({ worker }) => worker?.terminate()));
  };
  await Promise.all(others.map(({ data: { control } }) => Atomics.waitAsync(control, 0, STATE.starting, START_TIMEOUT_MS).value));
  if (others.some(({ data: { control } }) => Atomics.load(control, 0) !== STATE.idle)) {
    await close();
    throw new ThreadError(`not all of ${threads} threads for gradients could be started. Train with fewer, such as --threads 1.`);
  }
  return { of: (batch) => (others.length === 0 ? lossGradients(model, parameters, batch, setting) : sharedWork(batch)), close };

  async function sharedWork(batch: BatchShard): Promise<{ losses: Losses; gradient: tf.Tensor1D }> {
    const [first, ...rest] = cut(batch, setting, threads) as [BatchShard, ...BatchShard[]];
    const values = parameters.values();
    const flat = values.dataSync();
    values.dispose();
    const asked = others.flatMap(({ data }, i) => {
      const part = rest[i] as BatchShard;
      if (part.count === 0) return [];
      data.parameters.set(flat);
      rowsOf(setting, 0, part.count, (name) => data.rows[name].set(part[name]));
      data.schedule.set([part.unlabelledWeight, part.radiusScale]);
      data.control[1] = part.count;
      setState(data.control, STATE.work);
      return [{ data, count: part.count }];
    });
    const started = performance.now();
    const own = await lossGradients(model, parameters, first, setting);
    // The other parts are not larger than this one; a machine that is busy may give them a processor later.
    const timeout = LEAST_TIMEOUT_MS + 10 * (performance.now() - started);
    const answers = asked.map(({ data, count }) => {
      if (!isAnswered(data.control, timeout))
        throw new ThreadError(
          'a thread for gradients failed or is stuck. Go on with pnpm train --resume, or train a new run with --threads 1.',
        );
      const [reconstruction, latent, total] = data.answer.subarray(parameters.count) as unknown as [number, number, number];
      return { losses: { reconstruction, latent, total }, gradient: data.answer, share: count / batch.count };
    });
    const share = first.count / batch.count;
    const mean = (name: keyof Losses) =>
      answers.reduce((sum, answer) => sum + answer.share * answer.losses[name], share * own.losses[name]);
    const gradient = tf.tidy(() => {
      let sum = own.gradient.mul(share) as tf.Tensor1D;
      for (const answer of answers) sum = sum.add(tf.tensor1d(answer.gradient.slice(0, parameters.count)).mul(answer.share)) as tf.Tensor1D;
      return sum;
    });
    own.gradient.dispose();
    return { losses: { reconstruction: mean('reconstruction'), latent: mean('latent'), total: mean('total') }, gradient };
  }
}

const START_TIMEOUT_MS = 60_000;
const LEAST_TIMEOUT_MS = 30_000;

/** @param most images in the largest part */
function sharedMemory(backend: ThreadBackend, setting: LossSetting, parameters: number, most: number): GradientThreadData {
  const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
  const rows = Object.entries(rowSizes(setting)).map(([name, size]) => [name, floats(most * size)]);
  return {
    ...{ backend, setting },
    control: new Int32Array(new SharedArrayBuffer(8)),
    schedule: floats(2),
    parameters: floats(parameters),
    rows: Object.fromEntries(rows),
    answer: floats(parameters + 3),
  };
}

/** Sets the state of a thread and wakes whoever waits for it. */
export function setState(control: Int32Array<SharedArrayBuffer>, state: number): void {
  Atomics.store(control, 0, state);
  Atomics.notify(control, 0);
}

/** Waits in slices: while the whole process is stopped (Ctrl-Z), only one of them passes. */
function isAnswered(control: Int32Array<SharedArrayBuffer>, timeout: number): boolean {
  const slice = 1000;
  for (let waited = 0; waited < timeout && Atomics.load(control, 0) === STATE.work; waited += slice)
    Atomics.wait(control, 0, STATE.work, slice);
  return Atomics.load(control, 0) === STATE.done;
}

/** Starts a thread. @returns null, with the state failed, if the system gives no more threads */
function startThread(data: GradientThreadData): Worker | null {
  const fail = () => setState(data.control, STATE.failed);
  try {
    const worker = new Worker(new URL('gradient-thread.ts', import.meta.url), { workerData: data });
    // It may run out of memory; an error that nobody listens to would end this process.
    return worker.once('error', fail);
  } catch {
    fail();
    return null;
  }
}

/** Cuts a batch into parts as equal as possible, the larger ones first; none is longer than ceil(count / parts). */
function cut(batch: BatchShard, setting: LossSetting, parts: number): BatchShard[] {
  let first = 0;
  return Array.from({ length: parts }, (_, i) => {
    const count = Math.ceil((batch.count - first) / (parts - i));
    const rows = rowsOf(setting, first, count, (name, from, to) => batch[name].subarray(from, to));
    first += count;
    return { ...rows, count, unlabelledWeight: batch.unlabelledWeight, radiusScale: batch.radiusScale };
  });
}
