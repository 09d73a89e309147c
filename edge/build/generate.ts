import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chooseModel } from '../../shared/bundle/active-model.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { FORMATS } from '../../shared/images/formats.ts';
import { chooseRuntime, type Runtime, runtimeModule } from './choose-runtime.ts';
import { withUnsharedMemory } from './unshared-memory.ts';

/**
 * Makes what the worker imports: the model's files, verified, the runtime that its graph takes, and ONNX Runtime with unshared memory,
 * which is a part of the worker only where that is the runtime.
 *
 * @param bundle folder of the bundle
 * @param target folder of the generated files
 * @param wanted runtime; without it, the edge's own where it can run the graph
 * @throws BundleError where the bundle is damaged, UnsupportedGraphError where the wanted runtime can't run its graph
 */
export async function generate(bundle: string, target: string, wanted?: Runtime): Promise<{ screening: Screening; runtime: Runtime }> {
  const opened = await openBundle((file) => readFile(join(bundle, file)), ['screen', 'reclassify']);
  const { screening, graphs, weights } = opened;
  const runtime = await chooseRuntime(opened, wanted);
  const onnxRuntime = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  await mkdir(target, { recursive: true });
  await writeIfChanged(join(target, 'runtime.js'), new TextEncoder().encode(runtimeModule(runtime)));
  await writeIfChanged(join(target, 'decoders.js'), new TextEncoder().encode(decodersModule()));
  await writeIfChanged(join(target, 'ort.wasm'), withUnsharedMemory(await readFile(onnxRuntime)));
  await writeIfChanged(join(target, 'screen.onnx'), graphs.screen as Uint8Array);
  await writeIfChanged(join(target, 'reclassify.onnx'), graphs.reclassify as Uint8Array);
  await writeIfChanged(join(target, 'weights.bin'), weights);
  await writeIfChanged(join(target, 'screening.json.txt'), await readFile(join(bundle, 'screening.json')));
  return { screening, runtime };
}

/** Returns the module `generated/decoders.js`, which imports the WebAssembly of every image format's decoder. */
function decodersModule(): string {
  const imports = FORMATS.map(({ wasm }, i) => `import wasm${i} from '${wasm.replace(/^\.\//, '../../shared/images/')}';\n`);
  const members = FORMATS.map(({ name }, i) => `  ${JSON.stringify(name)}: wasm${i},\n`);
  return `${imports.join('')}export const decoders = {\n${members.join('')}};\n`;
}

/** Chooses the model to build with: the value of MODEL, else as `chooseModel` does. */
export function chosenModel(models: string, environment: string | undefined): Promise<{ name: string; why: string }> {
  return chooseModel({ MODEL: environment || undefined }, (file) => readFile(join(models, file), 'utf8'));
}

/** Unchanged files are left alone, so that a watcher does not start again over them. */
async function writeIfChanged(path: string, bytes: Uint8Array): Promise<void> {
  const present = await readFile(path).catch(() => null);
  if (present && Buffer.compare(present, bytes) === 0) return;
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}
