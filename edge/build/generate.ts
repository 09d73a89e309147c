import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chooseModel } from '../../shared/bundle/active-model.ts';
import { admit } from '../../shared/bundle/admit.ts';
import { fitnessOf } from '../../shared/bundle/fitness.ts';
import { type Bundle, openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { openScreen } from '../../shared/runtime/open-screen.ts';
import { UnsupportedGraphError } from '../../shared/runtime/operator.ts';
import { decodersModule } from './decoders-module.ts';
import { buildPage, pageModule } from './page.ts';
import { writePageAssets } from './page-assets.ts';
import { withUnsharedMemory } from './unshared-memory.ts';
import { writeIfChanged } from './write-if-changed.ts';

/** The use of a build, whether a bundle that is not fit for it is taken anyway, and whether the page, which hands out the bundle, is part of it. */
export interface Admission {
  use: 'try' | 'deploy';
  force: boolean;
  page?: boolean;
}

/**
 * Makes the files that the worker imports: the verified bundle, the runtime that its graph needs, the image decoders, and ONNX Runtime with
 * unshared memory, which is part of the worker only if it is the runtime.
 *
 * @param bundle folder of the bundle
 * @param target folder of the generated files
 * @param wanted the runtime; by default the edge's own if it can run the graph
 * @throws BundleError if the bundle is damaged, UnsupportedGraphError if the wanted runtime can't run its graph, UnfitError if the
 *   model is not fit
 */
export async function generate(
  bundle: string,
  target: string,
  wanted?: Runtime,
  admission: Admission = { use: 'deploy', force: false },
): Promise<{ screening: Screening; runtime: Runtime }> {
  const opened = await openBundle((file) => readFile(join(bundle, file)), ['screen', 'reclassify']);
  const { graphs, weights } = opened;
  const { name } = opened.screening;
  const screening = await admit(opened.screening, {
    ...admission,
    refused: 'built into a worker',
    todo:
      'Choose another (MODEL=name), or set FORCE=1 to build it anyway: ' +
      `MODEL=${name} FORCE=1 pnpm wrangler ${admission.use === 'try' ? 'dev' : 'deploy'}`,
  });
  const runtime = await chooseRuntime(opened, wanted);
  const page = admission.page ? await buildPage(screening) : null;
  const onnxRuntime = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  const files: Record<string, Uint8Array> = {
    'runtime.js': Buffer.from(runtimeModule(runtime)),
    'decoders.js': Buffer.from(decodersModule()),
    'ort.wasm': await withUnsharedMemory(await readFile(onnxRuntime)),
    'screen.onnx': graphs.screen as Uint8Array,
    'reclassify.onnx': graphs.reclassify as Uint8Array,
    'weights.bin': weights,
    'screening.json.txt': Buffer.from(`${JSON.stringify(screening, null, 1)}\n`),
    // The worker does not judge by itself, which would take a library of statistics.
    'fitness.json.txt': Buffer.from(`${JSON.stringify(fitnessOf(screening))}\n`),
    'page.js': Buffer.from(pageModule(page)),
    ...Object.fromEntries(Object.entries(page ?? {}).map(([name, bytes]) => [`page/${name}.bin`, bytes])),
  };
  await mkdir(join(target, 'page'), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeIfChanged(join(target, name), bytes);
  await writePageAssets(join(target, 'assets'), page !== null);
  return { screening, runtime };
}

/** Chooses the model to build with: the value of MODEL, else as `chooseModel` does. */
export function chosenModel(models: string, environment: string | undefined): Promise<{ name: string; why: string }> {
  return chooseModel({ MODEL: environment || undefined }, (file) => readFile(join(models, file), 'utf8'));
}

/** The runtimes of screen.onnx in the worker: the edge's own kernels, or ONNX Runtime, which knows every graph and is 14 MB. */
const RUNTIMES = ['own', 'onnxruntime'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Returns the runtime of a name, undefined for none. @throws Error if there is no such runtime */
export function runtimeNamed(name: string | undefined): Runtime | undefined {
  if (!name) return undefined;
  const found = RUNTIMES.find((runtime) => runtime === name);
  if (!found) throw new Error(`EDGE_RUNTIME is ${name}; allowed are ${RUNTIMES.join(', ')}, or none to have it chosen`);
  return found;
}

/**
 * Returns the wanted runtime; without one, the edge's own if it can open the graph, else ONNX Runtime.
 *
 * @throws UnsupportedGraphError if the edge's own is wanted and can't open it
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

/** Returns the module `generated/runtime.js`. The search in the worker itself needs ONNX Runtime. */
export function runtimeModule(runtime: Runtime): string {
  if (runtime === 'own')
    return `import { openScreen as open } from '../../shared/runtime/open-screen.ts';
import module from '../../shared/kernels/screening.wasm';
export const openScreen = async (bundle) => open(module, bundle);
export const openSearch = undefined;
`;
  return `import { openScreen as open, openLocalSearch } from '../runtime/onnxruntime.ts';
import module from './ort.wasm';
export const openScreen = (bundle) => open(module, bundle);
export const openSearch = openLocalSearch;
`;
}
