import type * as Ort from 'onnxruntime-node';
import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import type { GraphName } from '../../shared/bundle/screening-schema.ts';
import { type OnnxSession, screenOf, searchOf } from '../../shared/runtime/onnx-session.ts';
import { UserError } from '../../shared/user-error.ts';
import { checkChoice } from '../check-arguments.ts';
import type { Runtime } from './runtime.ts';

/** The settings of ONNX Runtime in Node. */
export interface OnnxRuntimeNodeOptions {
  /** Where it computes. `cuda` and `webgpu` need a graphics card and its driver. Default: `cpu`. */
  provider?: 'cpu' | 'cuda' | 'webgpu';
  /** Threads of a run. Default: 1, the fastest for single small images. */
  threads?: number;
}

/**
 * Runs the graphs in ONNX Runtime, from the package `onnxruntime-node`, which must be installed beside this one. It runs any graph, and
 * searches. A run blocks the event loop of its thread.
 *
 * @throws UsageError if the provider is unknown
 */
export function onnxruntimeNode({ provider = 'cpu', threads = 1 }: OnnxRuntimeNodeOptions = {}): Runtime {
  checkChoice('provider', provider, ['cpu', 'cuda', 'webgpu']);
  const open = async (bundle: Bundle, graph: GraphName) => {
    const ort = await load();
    const session = await ort.InferenceSession.create(bundle.graphs[graph] as Uint8Array, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      externalData: [{ path: bundle.screening.weights.file, data: bundle.weights }],
    }).catch((error: unknown) => {
      throw new UserError(`onnxruntime-node can't open ${graph}.onnx on ${provider}: ${(error as Error).message}`, { cause: error });
    });
    const onnx: OnnxSession = {
      outputNames: session.outputNames,
      run: (images, shape, outputs) => session.run({ image: new ort.Tensor('float32', images, shape) }, outputs),
    };
    return { onnx, opened: { provider, close: () => session.release() } };
  };
  return {
    name: 'onnxruntime-node',
    async openScreen(bundle) {
      const { onnx, opened } = await open(bundle, 'screen');
      return { ...opened, screen: screenOf(onnx, bundle.screening) };
    },
    async openSearch(bundle) {
      const { onnx, opened } = await open(bundle, 'reclassify');
      return { ...opened, search: searchOf(onnx, bundle.screening) };
    },
  };
}

async function load(): Promise<typeof Ort> {
  await import('../../node/no-telemetry.ts');
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw new UserError(`onnxruntime-node can't be loaded (${(error as Error).message}). Install it: npm install onnxruntime-node`, {
      cause: error,
    });
  }
}
