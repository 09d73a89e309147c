import { readFile } from 'node:fs/promises';
import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import { openScreen } from '../runtime/open-screen.ts';
import { UnsupportedGraphError } from '../runtime/operator.ts';

/** What runs screen.onnx in the worker: the edge's own kernels, or ONNX Runtime, which knows every graph and is 14 MB. */
const RUNTIMES = ['own', 'onnxruntime'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** @throws Error where it is the name of none; nothing for nothing */
export function runtimeNamed(name: string | undefined): Runtime | undefined {
  if (!name) return undefined;
  const found = RUNTIMES.find((runtime) => runtime === name);
  if (!found) throw new Error(`EDGE_RUNTIME is ${name}; allowed are ${RUNTIMES.join(', ')}, or none to have it chosen`);
  return found;
}

/**
 * The wanted runtime; else the edge's own where it can open the graph, and ONNX Runtime where it can't.
 *
 * @throws UnsupportedGraphError where the edge's own is wanted and can't
 */
export async function chooseRuntime(bundle: Bundle, wanted?: Runtime): Promise<Runtime> {
  if (wanted === 'onnxruntime') return wanted;
  const kernels = new WebAssembly.Module(await readFile(new URL('../../shared/kernels/screening.wasm', import.meta.url)));
  try {
    openScreen(kernels, bundle);
    return 'own';
  } catch (error) {
    if (wanted || !(error instanceof UnsupportedGraphError)) throw error;
    return 'onnxruntime';
  }
}

/** The module `generated/runtime.js`. The search in the worker itself takes ONNX Runtime. */
export function runtimeModule(runtime: Runtime): string {
  if (runtime === 'own')
    return `import { openScreen as open } from '../runtime/open-screen.ts';
import module from '../../shared/kernels/screening.wasm';
export const openScreen = async (bundle) => open(module, bundle);
export const openSearch = undefined;
`;
  return `import { openScreen as open, openSearchHere } from '../inference.ts';
import module from './ort.wasm';
export const openScreen = (bundle) => open(module, bundle);
export const openSearch = openSearchHere;
`;
}
