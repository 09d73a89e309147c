import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decoders } from '../node/decoders.ts';
import { readBundle, type ScreeningBundle } from './bundle.ts';
import type { LoadModule } from './runtimes/kernels.ts';
import { createScreenerWith, type Screener, type ScreenerOptions } from './screener.ts';

export * from './api.ts';
export { type OnnxRuntimeNodeOptions, onnxruntimeNode } from './runtimes/onnxruntime-node.ts';

const load: LoadModule = async (name) =>
  name === 'kernels'
    ? WebAssembly.compile(await readFile(new URL('../shared/kernels/screening.wasm', import.meta.url)))
    : (decoders[name] as WebAssembly.Module);

/**
 * Opens a bundle from its folder.
 *
 * @throws BundleError if a file is missing, damaged or of another version
 * @example
 * const screener = await createScreener(await openBundle('models/mnist'));
 */
export function openBundle(directory: string): Promise<ScreeningBundle> {
  return readBundle((file) => readFile(join(directory, file)));
}

/**
 * Creates a screener.
 *
 * @throws UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await openBundle('models/mnist'));
 * const result = await screener.screen(await readFile('seven.png'));
 * if (result.verdict === 'accepted') classify(result.label);
 */
export function createScreener(bundle: ScreeningBundle, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(load, bundle, options);
}
