import type * as Ort from 'onnxruntime-web/wasm';
import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import type { GraphName } from '../../shared/bundle/screening-schema.ts';
import { inTurn } from '../../shared/runtime/in-turn.ts';
import { type OnnxSession, screenOf, searchOf } from '../../shared/runtime/onnx-session.ts';
import { goldenProblem } from '../../shared/screening/golden.ts';
import { UserError } from '../../shared/user-error.ts';
import { checkChoice } from '../check-arguments.ts';
import type { Opened, Runtime } from './runtime.ts';

/** Where ONNX Runtime Web computes. */
export type WebProvider = 'wasm' | 'webgpu';

/** The settings of ONNX Runtime in a browser. */
export interface OnnxRuntimeWebOptions {
  /** Where it computes. A page without WebGPU gets `wasm`, and `info.instead` says why. Default: `webgpu`. */
  provider?: WebProvider;
  /**
   * Folder of the page's own origin with ONNX Runtime's files: `ort-wasm-simd-threaded.wasm` for wasm,
   * `ort-wasm-simd-threaded.asyncify.wasm` for webgpu. Default: where the bundler puts them, or beside the script.
   */
  files?: string | URL;
  /** Gives a file's bytes by its name, in place of a fetch from `files`, for instance where it is served compressed. */
  loadFile?: (file: string) => Promise<ArrayBuffer>;
  /** Threads of `wasm`; more than one needs a page that is cross-origin isolated. Default: 1. */
  threads?: number;
}

/** The build of each provider and its file: that of WebGPU is twice as large, so a page gets only what it needs. */
const BUILDS: Record<WebProvider, { load: () => Promise<typeof Ort>; file: string }> = {
  wasm: { load: () => import('onnxruntime-web/wasm'), file: 'ort-wasm-simd-threaded.wasm' },
  webgpu: { load: () => import('onnxruntime-web/webgpu'), file: 'ort-wasm-simd-threaded.asyncify.wasm' },
};

/** ONNX Runtime Web runs one inference at a time, whatever the session; the screeners of a page take turns. */
const inLine = /* @__PURE__ */ inTurn();

/**
 * Runs the graphs in ONNX Runtime Web, from the package `onnxruntime-web`, which must be installed beside this one. It runs any graph, and
 * searches.
 *
 * @throws UsageError if the provider is unknown
 */
export function onnxruntimeWeb({ provider = 'webgpu', files, loadFile, threads = 1 }: OnnxRuntimeWebOptions = {}): Runtime {
  checkChoice('provider', provider, Object.keys(BUILDS));
  const openOn = async (on: WebProvider, bundle: Bundle, graph: GraphName) => {
    const { load, file } = BUILDS[on];
    const ort = await load();
    ort.env.wasm.numThreads = threads;
    if (files !== undefined) ort.env.wasm.wasmPaths = { wasm: fileIn(files, file) };
    if (loadFile) ort.env.wasm.wasmBinary ??= await loadFile(file);
    const create = () =>
      ort.InferenceSession.create(bundle.graphs[graph] as Uint8Array, {
        executionProviders: [on],
        externalData: [{ path: bundle.screening.weights.file, data: bundle.weights }],
        // Its warnings, which it writes as errors, tell where it computes the shapes.
        logSeverityLevel: 3,
      });
    const session = await inLine(create).catch((error: unknown) => {
      throw new UserError(`onnxruntime-web can't open ${graph}.onnx on ${on}: ${messageOf(error)}`, { cause: error });
    });
    const onnx: OnnxSession = {
      outputNames: session.outputNames,
      run: (images, shape, outputs) => inLine(() => session.run({ image: new ort.Tensor('float32', images, shape) }, outputs)),
    };
    return { provider: on, onnx, close: () => inLine(() => session.release()) };
  };
  /** Opens a graph on the provider that was asked for, or, if that can't compute it, on wasm. */
  const open = async <T>(bundle: Bundle, graph: GraphName, use: (onnx: OnnxSession) => T, check: (used: T) => Promise<string | null>) => {
    const openAs = async (on: WebProvider): Promise<Opened & { used: T }> => {
      const { onnx, ...opened } = await openOn(on, bundle, graph);
      return { ...opened, used: use(onnx) };
    };
    if (provider === 'wasm') return openAs('wasm');
    let instead = await missingWebgpu();
    if (instead === null) {
      try {
        const opened = await openAs('webgpu');
        instead = await check(opened.used).catch(messageOf);
        if (instead === null) return opened;
        await opened.close();
      } catch (error) {
        instead = messageOf(error);
      }
    }
    return { ...(await openAs('wasm')), instead: `not webgpu: ${instead}` };
  };
  return {
    name: 'onnxruntime-web',
    async openScreen(bundle) {
      const { screening } = bundle;
      const { used: screen, ...opened } = await open(
        bundle,
        'screen',
        (onnx) => screenOf(onnx, screening),
        (screen) => goldenProblem({ screening, screen }),
      );
      return { ...opened, screen };
    },
    async openSearch(bundle) {
      const { used: search, ...opened } = await open(
        bundle,
        'reclassify',
        (onnx) => searchOf(onnx, bundle.screening),
        async () => null,
      );
      return { ...opened, search };
    },
  };
}

/** Tells why there is no WebGPU here; null if there is. */
async function missingWebgpu(): Promise<string | null> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  if (!gpu) return 'this browser has no WebGPU, or gives it to secure pages only (https or localhost)';
  return (await gpu.requestAdapter().catch(() => null)) ? null : 'this machine has no graphics adapter for WebGPU';
}

function fileIn(folder: string | URL, file: string): string {
  return new URL(file, new URL(String(folder).replace(/\/*$/, '/'), location.href)).href;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
