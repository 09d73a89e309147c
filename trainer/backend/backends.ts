import * as tf from '@tensorflow/tfjs';
import { type ActiveBackend, type Availability, BackendError, type BackendKind, type ThreadBackend } from './backend.ts';
import { findInstallations } from './installations.ts';
import { cuda, native } from './tensorflow/tensorflow.ts';
import { useWasm, wasm } from './wasm/wasm.ts';
import { webgpu } from './webgpu/webgpu.ts';

/** The backends, the fastest first; the last one works everywhere. */
const list = [cuda, native, webgpu, wasm] as const;

export type BackendName = (typeof list)[number]['name'];
export type BackendChoice = BackendName | 'auto';

export const backends: readonly BackendKind<BackendName>[] = list;
/** Those of which several threads can have one each. */
export const perThreadBackends = backends.filter(({ perThread }) => perThread);

/** Returns the values that `--backend` takes. */
export const choicesOf = (among: readonly BackendKind<BackendName>[]): BackendChoice[] => ['auto', ...among.map(({ name }) => name)];

/** The largest value that `--threads` takes. */
export const MOST_THREADS = 64;

export interface Backend extends ActiveBackend, Pick<BackendKind<BackendName>, 'name' | 'readsSynchronously'> {
  /** Says in one line why this one, and for `auto` why no faster one. */
  why: string;
}

/** A backend that works here, not yet loaded into this process. */
interface Choice {
  kind: BackendKind<BackendName>;
  name: BackendName;
  why: string;
  use: Extract<Availability, { fault: null }>['use'];
}

/**
 * Chooses a backend. `auto` is the fastest that works here; nothing is downloaded.
 *
 * @throws BackendError if the one that was asked for is not available
 */
export async function chooseBackend(choice: BackendChoice, installations = findInstallations(), among = backends): Promise<Choice> {
  const automatic = choice === 'auto';
  const faults: string[] = [];
  for (const kind of among.filter(({ name }) => automatic || name === choice)) {
    const found = await kind.probe({ automatic, installations });
    if (found.fault !== null) {
      if (!automatic) throw new BackendError(`${found.fault}. ${kind.advice}; training with --backend wasm needs nothing.`);
      faults.push(found.fault);
      continue;
    }
    const hint = kind.name === wasm.name && installations.length === 0 ? ['pnpm backend install gets a faster one'] : [];
    const why = automatic ? ['the fastest that works here', ...faults, ...hint].join('; ') : 'as asked';
    return { kind, name: kind.name, why, use: found.use };
  }
  throw new BackendError(`there is no backend ${choice} for this; --backend takes ${choicesOf(among).join(', ')}`);
}

/**
 * Makes a backend tfjs's current one. Call it once, before the first tensor, on the main thread: TensorFlow reads its settings when it
 * is loaded, and can't be unloaded.
 *
 * @param threads by default one for each processor, on wasm at most 4
 * @throws BackendError if the one that was asked for is not available
 */
export async function useBackend(choice: BackendChoice, threads?: number, among = backends): Promise<Backend> {
  const { kind, name, why, use } = await chooseBackend(choice, findInstallations(), among);
  return { name, why, readsSynchronously: kind.readsSynchronously, ...(await use(threads)) };
}

/**
 * Uses the backend that a run was started with again.
 *
 * @param run as its config has it; older ones have no `backendName`
 * @throws BackendError if that backend is not available
 */
export async function useBackendAgain(run: { backend: string; backendName?: string | undefined; threads: number }): Promise<Backend> {
  const { backend: description, backendName, threads } = run;
  try {
    const kind = backends.find(({ name, descriptionPattern }) =>
      backendName === undefined ? descriptionPattern.test(description) : name === backendName,
    );
    if (!kind) throw new BackendError(`This version has only ${backends.map(({ name }) => name).join(', ')}.`);
    const backend = await useBackend(kind.name, threads);
    const same = backend.description === description;
    return { ...backend, why: same ? 'as the run was started' : `the run was started with ${description}: results may differ by rounding` };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new BackendError(`the run was started with ${description} and continues with that backend only. ${error.message}`);
  }
}

let perThread: Promise<Backend & { thread: ThreadBackend }> | undefined;

/**
 * Uses a backend that several threads can have one each of: native if it is installed, else wasm. The first call of a process decides.
 * The main thread loads TensorFlow's libraries, which those of the threads then find.
 *
 * @throws BackendError if the one that was asked for is not available, or does not compute on the processor's cores
 */
export function usePerThreadBackend(choice: BackendChoice): Promise<Backend & { thread: ThreadBackend }> {
  perThread ??= useBackend(choice, 1, perThreadBackends) as typeof perThread & {};
  return perThread;
}

/** Makes tfjs compute in a further thread as it does in the first one. */
export async function useBackendInThread({ name, settings }: ThreadBackend): Promise<void> {
  const kind = backends.find((kind) => kind.name === name);
  if (!kind?.useInThread) throw new BackendError(`the backend ${name} can't be used in a further thread`);
  await kind.useInThread(settings);
}

/**
 * Runs `work` where tensors can be read synchronously, as models, validation, calibration and report do: on the backend that trains or,
 * if that can't be read so, on wasm. A tensor belongs to the backend on which it was made, so what `work` computes with has to be made
 * by `withSynchronousBackend` too; only plain numbers and `copyParameters` go from one to the other.
 */
export async function withSynchronousBackend<T>(backend: Pick<Backend, 'readsSynchronously'>, work: () => T | Promise<T>): Promise<T> {
  if (backend.readsSynchronously) return work();
  const training = tf.getBackend();
  await useWasm();
  try {
    return await work();
  } finally {
    await tf.setBackend(training);
  }
}

/** Frees the backend's device after the last step; all that follows is computed where `withSynchronousBackend` was. */
export async function endTraining(backend: Pick<Backend, 'readsSynchronously' | 'close'>): Promise<void> {
  if (!backend.readsSynchronously) await useWasm();
  backend.close?.();
}
