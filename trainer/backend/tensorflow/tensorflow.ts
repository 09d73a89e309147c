import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../backend.ts';
import { packageFolder } from '../package-folder.ts';
import { RELU_GRAD, replaceReluGradient } from '../relu-gradient.ts';
import { type Installation, NO_TFJS_NODE } from './installations.ts';

/** What the loaded library says of itself. */
export interface Loaded {
  /** Its version. */
  tensorflow: string;
  /** Whether it works on a GPU. */
  gpu: boolean;
}

const require = createRequire(import.meta.url);

interface Binding {
  TF_Version: string;
  isUsingGpuDevice?(): boolean;
}

/**
 * What TensorFlow reads from the environment when it is loaded; what the user has set stays.
 *
 * @param gpu whether it may use one
 */
export function tensorFlowSettings(gpu: boolean, threads: number | undefined): Record<string, string> {
  const { env } = process;
  return {
    // On some processors it leaves its fast kernels off: 642 instead of 395 ms a step.
    TF_ENABLE_ONEDNN_OPTS: env.TF_ENABLE_ONEDNN_OPTS ?? '1',
    TF_CPP_MIN_LOG_LEVEL: env.TF_CPP_MIN_LOG_LEVEL ?? '1',
    ...(threads ? { TF_NUM_INTRAOP_THREADS: String(threads) } : {}),
    ...(gpu ? {} : { CUDA_VISIBLE_DEVICES: '-1' }),
  };
}

/** How many threads work on one operation, with these settings. */
export const tensorFlowThreads = (threads: number | undefined): number =>
  threads ?? (Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism());

/**
 * Makes TensorFlow tfjs's current backend, through tfjs-node's own JavaScript and the given binding. Once a process: a library that is
 * loaded stays. Its settings (`tensorFlowSettings`) must be in the environment of the main thread by then.
 *
 * @throws BackendError, or what the loader of the system says
 */
export async function useTensorFlow({ binding: path, kind }: Pick<Installation, 'binding' | 'kind'>): Promise<Loaded> {
  // tfjs-node calls these two, deprecated in Node 22 and gone from 24 on.
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value == null, isArray: Array.isArray });
  const binding = require(path) as Binding;
  const tfjsNode = packageFolder('@tensorflow/tfjs-node') ?? packageFolder('@tensorflow/tfjs-node-gpu');
  if (!tfjsNode) throw new BackendError(`${NO_TFJS_NODE}.`);
  // Its entry would look for the binding in its own folder, in node_modules; these two are what it needs besides.
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

const NAME = 'tensorflow';

/** TensorFlow's own kernel, which tfjs-node does not name. */
const reluGradient: tf.KernelConfig = {
  kernelName: RELU_GRAD,
  backendName: NAME,
  kernelFunc: ({ inputs, backend }) => {
    const { binding, executeSingleOutput } = backend as unknown as TfjsNode;
    const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
    return executeSingleOutput.call(backend, 'ReluGrad', [type], [inputs.dy as tf.TensorInfo, inputs.x as tf.TensorInfo]);
  },
};

interface TfjsNode {
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number };
  executeSingleOutput(operation: string, attributes: object[], inputs: tf.TensorInfo[]): tf.TensorInfo;
}
