import { UserError } from '../../shared/user-error.ts';
import type { LoadModule } from '../runtimes/kernels.ts';

/** Bundlers find these addresses and put the files beside the bundle. */
const ADDRESSES: Readonly<Record<string, () => URL>> = {
  kernels: () => new URL('../../shared/kernels/screening.wasm', import.meta.url),
  PNG: () => new URL('../../node_modules/@jsquash/png/codec/pkg/squoosh_png_bg.wasm', import.meta.url),
  JPEG: () => new URL('../../shared/images/jpeg/libjpeg-turbo.wasm', import.meta.url),
  WebP: () => new URL('../../shared/images/webp/libwebp.wasm', import.meta.url),
};

/** Fetches WebAssembly modules: a decoder when the first file of its format comes. @throws UserError if one is not served, or may not run here */
export const loadModule: LoadModule = async (name) => {
  const address = ADDRESSES[name]?.();
  if (!address) throw new UserError(`there is no WebAssembly module ${name}`);
  const fail = (what: string, cause?: unknown): never => {
    throw new UserError(`${address} ${what}; the file must be served beside the script`, { cause });
  };
  const response = await fetch(address).catch((error: Error) => fail(`can't be fetched (${error.message})`, error));
  if (!response.ok) fail(`answers ${response.status}`);
  const bytes = await response.arrayBuffer();
  return WebAssembly.compile(bytes).catch((error: Error) => fail(`is not WebAssembly that runs here (${error.message})`, error));
};
