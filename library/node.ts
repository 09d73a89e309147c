import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBundle, type ScreeningBundle } from './bundle.ts';
import { createScreenerWith } from './create-screener.ts';
import { loadModule } from './modules/node.ts';
import type { Screener, ScreenerOptions } from './screener.ts';

export * from './api.ts';
export { type OnnxRuntimeNodeOptions, onnxruntimeNode } from './runtimes/onnxruntime-node.ts';

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
 * @throws UnfitError if the model is not fit to deploy, unless `force` is true; UserError if the runtime can't open the graph, or does not
 *   compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await openBundle('models/mnist'));
 * const result = await screener.screen(await readFile('seven.png'));
 * if (result.verdict === 'accepted') classify(result.label);
 */
export function createScreener(bundle: ScreeningBundle, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(loadModule, bundle, options);
}
