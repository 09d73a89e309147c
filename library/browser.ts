import type { ScreeningBundle } from './bundle.ts';
import type { LoadModule } from './runtimes/kernels.ts';
import { createScreenerWith, type Screener, type ScreenerOptions } from './screener.ts';

export * from './api.ts';
export { type OnnxRuntimeWebOptions, onnxruntimeWeb, type WebProvider } from './runtimes/onnxruntime-web.ts';

/** Bundlers find these addresses and put the files beside the bundle. A decoder is fetched when the first file of its format comes. */
const ADDRESSES: Readonly<Record<string, () => URL>> = {
  kernels: () => new URL('../shared/kernels/screening.wasm', import.meta.url),
  PNG: () => new URL('../node_modules/@jsquash/png/codec/pkg/squoosh_png_bg.wasm', import.meta.url),
  JPEG: () => new URL('../shared/images/jpeg/libjpeg-turbo.wasm', import.meta.url),
  WebP: () => new URL('../shared/images/webp/libwebp.wasm', import.meta.url),
};

const load: LoadModule = async (name) => {
  const address = ADDRESSES[name]?.();
  if (!address) throw new Error(`there is no WebAssembly module ${name}`);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answers ${response.status}; it must be served beside the script`);
  return WebAssembly.compile(await response.arrayBuffer());
};

/**
 * Creates a screener.
 *
 * @throws UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await fetchBundle('/models/mnist'));
 * const result = await screener.screen(file);
 */
export function createScreener(bundle: ScreeningBundle, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(load, bundle, options);
}
