import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { packageFolder } from '../../../node/installations/installation-record.ts';
import { type ActiveBackend, type Availability, BackendError, type BackendKind, partsFor } from '../backend.ts';
import { type Installation, NO_TFJS_NODE } from '../installations.ts';
import { type Probed, probe } from '../probe.ts';
import { RELU_GRAD, replaceReluGradient } from '../relu-gradient.ts';

/** The name of tfjs-node's backend within tfjs. */
const NAME = 'tensorflow';

/** A TensorFlow that is loaded. */
export interface Loaded {
  tensorflow: string;
  /** It computes on a GPU. */
  gpu: boolean;
}

/** A TensorFlow that was tried: loaded, with the time of a product of 512 x 512, or a fault. */
export type TensorFlowProbed = Probed<Loaded & { milliseconds: number }>;

/** Tries a TensorFlow in a process of its own. @param gpu whether it may use one */
export async function probeTensorFlow({ binding, kind, fault }: Installation, gpu: boolean): Promise<TensorFlowProbed> {
  if (fault) return { fault };
  const entry = new URL('probe-process.ts', import.meta.url);
  return (await probe<Loaded & { milliseconds: number }>(entry, [binding, kind], settingsFor(gpu, undefined))).probed;
}

/** Finds the first of the installations that works. @param gpu whether it has to compute on a GPU, or must not */
export async function findTensorFlow(name: string, installations: Installation[], gpu: boolean): Promise<Availability> {
  if (installations.length === 0) return { fault: `${name} is not installed` };
  const faults: string[] = [];
  // The smaller library first: the one with CUDA computes on processors too.
  for (const installation of installations.toSorted((a, b) => a.kind.localeCompare(b.kind))) {
    const probed = await probeTensorFlow(installation, gpu);
    if (probed.fault === null && (!gpu || probed.gpu)) return { fault: null, use: (threads) => use(installation, gpu, threads) };
    faults.push(`${installation.directory}: ${probed.fault ?? 'TensorFlow sees no GPU that it can use'}`);
  }
  return { fault: `${name} does not work: ${faults.join('; ')}` };
}

async function use(installation: Installation, gpu: boolean, threads: number | undefined): Promise<ActiveBackend> {
  const all = threads ?? (Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism());
  const parts = gpu ? 1 : partsFor(all);
  Object.assign(process.env, settingsFor(gpu, parts === 1 ? threads : Math.floor(all / parts)));
  const { binding, kind } = installation;
  const loaded = await useTensorFlow({ binding, kind });
  if (loaded.gpu !== gpu)
    throw new BackendError(`TensorFlow ${loaded.gpu ? 'took' : 'no longer sees'} a GPU when it was loaded again. Try once more.`);
  return {
    description: `tfjs-node ${tf.version_core} on TensorFlow ${loaded.tensorflow}, ${gpu ? 'cuda' : 'cpu'}`,
    threads: all,
    parts,
    thread: gpu ? null : { name: 'native', settings: { binding, kind } },
  };
}

/**
 * Returns what TensorFlow reads from the environment when it is loaded; what the user has set stays.
 *
 * @param gpu whether it may use one
 */
function settingsFor(gpu: boolean, threads: number | undefined): Record<string, string> {
  const { env } = process;
  return {
    // On some processors it leaves its fast kernels off: 642 instead of 395 ms a step.
    TF_ENABLE_ONEDNN_OPTS: env.TF_ENABLE_ONEDNN_OPTS ?? '1',
    TF_CPP_MIN_LOG_LEVEL: env.TF_CPP_MIN_LOG_LEVEL ?? '1',
    ...(threads ? { TF_NUM_INTRAOP_THREADS: String(threads) } : {}),
    ...(gpu ? {} : { CUDA_VISIBLE_DEVICES: '-1' }),
  };
}

/**
 * Makes TensorFlow tfjs's current backend in a further thread. tfjs-node's binding keeps its tensors in one place for the whole process,
 * without a lock; loaded from another file it is another one, over the same TensorFlow.
 */
export async function useTensorFlowInThread(settings: unknown): Promise<void> {
  const { binding, kind } = settings as Pick<Installation, 'binding' | 'kind'>;
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-binding-'));
  try {
    const copy = join(folder, 'tfjs_binding.node');
    await copyFile(binding, copy);
    await useTensorFlow({ binding: copy, kind });
  } finally {
    // Once it is loaded, the file is not needed any more.
    await rm(folder, { recursive: true, force: true });
  }
}

const require = createRequire(import.meta.url);

interface Binding {
  TF_Version: string;
  isUsingGpuDevice?(): boolean;
}

/**
 * Makes TensorFlow tfjs's current backend, through tfjs-node's own JavaScript and the given binding. Call it once a process: a library
 * that is loaded stays. Its settings must be in the environment of the main thread by then.
 *
 * @throws BackendError, or what the loader of the system says
 */
export async function useTensorFlow({ binding: path, kind }: Pick<Installation, 'binding' | 'kind'>): Promise<Loaded> {
  // tfjs-node calls these two, which are deprecated in Node 22 and gone from Node 24 on.
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value == null, isArray: Array.isArray });
  const binding = require(path) as Binding;
  const tfjsNode = packageFolder('@tensorflow/tfjs-node') ?? packageFolder('@tensorflow/tfjs-node-gpu');
  if (!tfjsNode) throw new BackendError(`${NO_TFJS_NODE}.`);
  // Its entry would look for the binding in its own folder, in node_modules; these two files are what it needs besides.
  require(join(tfjsNode, 'dist', 'register_all_kernels.js'));
  const { NodeJSKernelBackend } = require(join(tfjsNode, 'dist', 'nodejs_kernel_backend.js')) as {
    NodeJSKernelBackend: new (binding: Binding, packageName: string) => tf.KernelBackend;
  };
  const packageName = `@tensorflow/tfjs-node${kind === 'gpu' ? '-gpu' : ''}`;
  if (!tf.findBackendFactory(NAME)) tf.registerBackend(NAME, () => new NodeJSKernelBackend(binding, packageName));
  if (!(await tf.setBackend(NAME))) throw new BackendError("tfjs-node's backend could not be started");
  await tf.ready();
  if (!tf.getKernel(RELU_GRAD, NAME)) tf.registerKernel(reluGradient);
  replaceReluGradient();
  return { tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice?.() ?? false };
}

interface TfjsNode {
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number };
  executeSingleOutput(operation: string, attributes: object[], inputs: tf.TensorInfo[]): tf.TensorInfo;
}

/** TensorFlow's own kernel, for which tfjs-node has no name. */
const reluGradient: tf.KernelConfig = {
  kernelName: RELU_GRAD,
  backendName: NAME,
  kernelFunc: ({ inputs, backend }) => {
    const { binding, executeSingleOutput } = backend as unknown as TfjsNode;
    const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
    return executeSingleOutput.call(backend, 'ReluGrad', [type], [inputs.dy as tf.TensorInfo, inputs.x as tf.TensorInfo]);
  },
};

/** TensorFlow on an NVIDIA GPU. */
export const cuda: BackendKind<'cuda'> = {
  name: 'cuda',
  perThread: false,
  readsSynchronously: true,
  descriptionPattern: /^tfjs-node .*, cuda$/,
  advice: 'pnpm backend install --gpu gets it, 3.4 GB, for Linux on x64 with an NVIDIA driver',
  // The library with CUDA works on processors too.
  probe: ({ installations }) =>
    findTensorFlow(
      'cuda',
      installations.filter(({ kind }) => kind === 'gpu'),
      true,
    ),
};

/** TensorFlow on the processor. Two threads that have a part of a batch each are nearly twice as fast as two that share each operation. */
export const native: BackendKind<'native'> = {
  name: 'native',
  perThread: true,
  readsSynchronously: true,
  descriptionPattern: /^tfjs-node .*, cpu$/,
  advice: 'pnpm backend install gets it, 274 MB',
  probe: ({ installations }) => findTensorFlow('native', installations, false),
  useInThread: useTensorFlowInThread,
};
