import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { BackendError } from './backend.ts';
import { type Probed, probeTensorFlow } from './probe.ts';
import { probeWebGpu } from './probe-webgpu.ts';
import { findInstallations, type Installation } from './tensorflow/installations.ts';
import { tensorFlowSettings, tensorFlowThreads, useTensorFlow } from './tensorflow/tensorflow.ts';
import type { ThreadBackend } from './thread-backend.ts';
import { useWasm } from './wasm/wasm.ts';
import { useWebGpu } from './webgpu/webgpu.ts';

/** What `--backend` takes. */
export const BACKENDS = ['auto', 'cuda', 'native', 'webgpu', 'wasm'] as const;
/** What `--threads` takes at most. */
export const MOST_THREADS = 64;
export type BackendChoice = (typeof BACKENDS)[number];
export type BackendName = Exclude<BackendChoice, 'auto'>;

export interface Backend {
  name: BackendName;
  /** As kept in a run: `tfjs-node 4.22.0 on TensorFlow 2.21.0, cpu`. */
  description: string;
  /** One line: why this one, and for `auto` why no better one. */
  why: string;
  /** That share the work on a batch. */
  threads: number;
  /** Parts that a batch is cut into, each for a thread of its own; what is left of `threads` works within each operation. */
  parts: number;
  /** How the further threads compute. */
  thread: ThreadBackend;
}

/** What would be used, without loading it into this process. */
export interface Choice extends Pick<Backend, 'name' | 'why'> {
  installation: Installation | null;
}

/**
 * Makes a backend tfjs's current one. `auto` is the fastest that is there: cuda, native, webgpu on a real GPU, wasm; it downloads
 * nothing. Call it once, before the first tensor, on the main thread: TensorFlow reads its settings when it is loaded, and can't be unloaded.
 *
 * @param threads by default as many as there are processors, of wasm at most 4; webgpu is always fed by one
 * @throws BackendError where the one that was asked for can't be had
 */
export async function useBackend(choice: BackendChoice, threads?: number): Promise<Backend> {
  const { name, why, installation } = await chooseBackend(choice);
  if (name === 'webgpu') {
    const adapter = await useWebGpu();
    return {
      name,
      why,
      description: `tfjs-backend-webgpu ${tf.version_core} on ${adapter.name}`,
      threads: 1,
      parts: 1,
      thread: { name: 'wasm' },
    };
  }
  if (!installation) {
    await useWasm();
    const all = threads ?? partsFor(availableParallelism());
    return { name, why, description: `tfjs-backend-wasm ${tf.version_core}`, threads: all, parts: all, thread: { name: 'wasm' } };
  }
  const all = tensorFlowThreads(threads);
  const parts = name === 'cuda' ? 1 : partsFor(all);
  Object.assign(process.env, tensorFlowSettings(name === 'cuda', parts === 1 ? threads : Math.floor(all / parts)));
  const { tensorflow, gpu } = await useTensorFlow(installation);
  if (gpu !== (name === 'cuda'))
    throw new BackendError(`TensorFlow ${gpu ? 'took' : 'no longer sees'} a GPU when it was loaded anew. Try again.`);
  return {
    name,
    why,
    description: `tfjs-node ${tf.version_core} on TensorFlow ${tensorflow}, ${gpu ? 'cuda' : 'cpu'}`,
    threads: all,
    parts,
    thread: { name: 'tensorflow', binding: installation.binding, kind: installation.kind },
  };
}

/** @throws BackendError as `useBackend` */
export async function chooseBackend(choice: BackendChoice, installations = findInstallations()): Promise<Choice> {
  if (choice === 'wasm') return { name: 'wasm', why: 'as asked', installation: null };
  if (choice === 'webgpu') {
    const { fault } = await probeWebGpu('any');
    if (fault !== null)
      throw new BackendError(`webgpu does not work: ${fault}. ${NEEDS_GPU}; a training with --backend wasm needs nothing.`);
    return { name: 'webgpu', why: 'as asked', installation: null };
  }
  const reasons: string[] = [];
  for (const name of choice === 'auto' ? (['cuda', 'native'] as const) : [choice]) {
    const found = await firstThatWorks(name, installations);
    if ('installation' in found) return { name, why: choice === 'auto' ? whyAuto(reasons) : 'as asked', installation: found.installation };
    reasons.push(found.reason);
  }
  if (choice === 'auto') {
    const { fault } = await probeWebGpu('hardware');
    if (fault === null) return { name: 'webgpu', why: whyAuto(reasons), installation: null };
    const hint = installations.length === 0 ? '; pnpm backend install gets a faster one' : '';
    return { name: 'wasm', why: `${whyAuto([...reasons, `for webgpu ${fault}`])}${hint}`, installation: null };
  }
  throw new BackendError(`${reasons[0]}. ${choice === 'cuda' ? INSTALL_GPU : INSTALL}; a training with --backend wasm needs nothing.`);
}

const INSTALL = 'pnpm backend install gets it, 274 MB';
const INSTALL_GPU = 'pnpm backend install --gpu gets it, 3.4 GB, for Linux on x64 with an NVIDIA driver';

const whyAuto = (reasons: string[]) => `the fastest that works here${reasons.map((reason) => `; ${reason}`).join('')}`;

async function firstThatWorks(name: 'cuda' | 'native', all: Installation[]): Promise<{ installation: Installation } | { reason: string }> {
  // The library with CUDA works on processors too, but it is the larger one.
  const fitting = all.filter(({ kind }) => name === 'native' || kind === 'gpu').sort((a, b) => a.kind.localeCompare(b.kind));
  if (fitting.length === 0) return { reason: `${name} is not installed` };
  const reasons: string[] = [];
  for (const installation of fitting) {
    const reason = reasonAgainst(name, await probeTensorFlow(installation, name === 'cuda'));
    if (!reason) return { installation };
    reasons.push(`${installation.directory}: ${reason}`);
  }
  return { reason: `${name} does not work: ${reasons.join('; ')}` };
}

function reasonAgainst(name: 'cuda' | 'native', probed: Probed): string | null {
  if (probed.fault !== null) return probed.fault;
  return name === 'cuda' && !probed.gpu ? 'TensorFlow sees no GPU that it can use' : null;
}

/**
 * The backend that a run was begun with, again.
 *
 * @param description as the run keeps it
 * @throws BackendError where that kind can't be had
 */
export async function useBackendAgain(description: string, threads: number): Promise<Backend> {
  try {
    const backend = await useBackend(backendOf(description), threads);
    const same = backend.description === description;
    return { ...backend, why: same ? 'as the run was begun' : `the run was begun with ${description}: other last digits are likely` };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new BackendError(`the run was begun with ${description} and goes on with that kind only. ${error.message}`);
  }
}

/** The backend that a run was trained with, by its description. */
export function backendOf(description: string): BackendName {
  if (description.startsWith('tfjs-backend-wasm')) return 'wasm';
  if (description.startsWith('tfjs-backend-webgpu')) return 'webgpu';
  return description.endsWith('cuda') ? 'cuda' : 'native';
}

const NEEDS_GPU =
  'It needs a GPU with its driver, on Linux also libvulkan.so.1 (Debian: apt-get install libvulkan1), see docs/backends-webgpu.md';

/** With many threads the parts of a batch get too small to be worth it. */
function partsFor(threads: number): number {
  return Math.min(4, threads);
}
