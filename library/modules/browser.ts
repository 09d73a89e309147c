import type { LoadModule } from '../runtimes/kernels.ts';

/** Bundlers find these addresses and put the files beside the bundle. */
const ADDRESSES: Readonly<Record<string, () => URL>> = {
  kernels: () => new URL('../../shared/kernels/screening.wasm', import.meta.url),
  PNG: () => new URL('../../node_modules/@jsquash/png/codec/pkg/squoosh_png_bg.wasm', import.meta.url),
  JPEG: () => new URL('../../shared/images/jpeg/libjpeg-turbo.wasm', import.meta.url),
  WebP: () => new URL('../../shared/images/webp/libwebp.wasm', import.meta.url),
};

/** Fetches WebAssembly modules: a decoder when the first file of its format comes. @throws Error if one is not served */
export const loadModule: LoadModule = async (name) => {
  const address = ADDRESSES[name]?.();
  if (!address) throw new Error(`there is no WebAssembly module ${name}`);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answers ${response.status}; it must be served beside the script`);
  return WebAssembly.compile(await response.arrayBuffer());
};
