import png from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import jpeg from '../shared/images/jpeg/libjpeg-turbo.wasm';
import webp from '../shared/images/webp/libwebp.wasm';
import kernels from '../shared/kernels/screening.wasm';
import type { ScreeningBundle } from './bundle.ts';
import { createScreenerWith, type Screener, type ScreenerOptions } from './screener.ts';

export * from './api.ts';

/** workerd compiles no bytes: its modules come with the script. */
const MODULES: Readonly<Record<string, WebAssembly.Module>> = { kernels, PNG: png, JPEG: jpeg, WebP: webp };

/**
 * Creates a screener, for instance at the start of a worker.
 *
 * @throws UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await bundleOf({ 'screening.json': text, 'screen.onnx': graph, 'weights.bin': weights }));
 */
export function createScreener(bundle: ScreeningBundle, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith((name) => MODULES[name] as WebAssembly.Module, bundle, options);
}
