import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../shared/user-error.ts';
import { readBundle, type ScreeningBundle } from './bundle.ts';
import { createScreenerWith } from './create-screener.ts';
import { kindOf } from './kind-of.ts';
import { loadModule } from './modules/node.ts';
import type { Screener, ScreenerOptions } from './screener.ts';

export * from './api.ts';
export { type OnnxRuntimeNodeOptions, onnxruntimeNode } from './runtimes/onnxruntime-node.ts';

/**
 * Opens a bundle from its folder.
 *
 * @param directory a path, or a `file:` URL
 * @throws UsageError if it is neither; BundleError if a file is missing, damaged or of another version
 * @example
 * const screener = await createScreener(await openBundle('models/mnist'));
 */
export async function openBundle(directory: string | URL): Promise<ScreeningBundle> {
  const isFile = directory instanceof URL && directory.protocol === 'file:';
  if (!isFile && (typeof directory !== 'string' || directory === ''))
    throw new UsageError(`The folder of a bundle is needed, as a path or a file: URL; this is ${kindOf(directory)}.`);
  const folder = isFile ? fileURLToPath(directory) : (directory as string);
  return readBundle((file) => readFile(join(folder, file)));
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
export function createScreener(bundle: ScreeningBundle | Promise<ScreeningBundle>, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(loadModule, bundle, options);
}
