import '../node/no-telemetry.ts';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import { UserError } from '../shared/user-error.ts';

export type ProviderName = 'cpu' | 'cuda' | 'webgpu';
export type Provider = 'auto' | ProviderName;

/** The execution provider of ONNX Runtime that was asked for is not available here. The message says which ones are. */
export class ProviderError extends UserError {}

/**
 * Returns the providers to try in turn. `auto` is cuda if it is installed, then cpu; webgpu must be asked for, because without a GPU it
 * is software, and slow.
 *
 * @throws ProviderError if the provider that was asked for is not installed
 */
export function providersToTry(asked: Provider): ProviderName[] {
  if (asked === 'auto') return isInstalled('cuda') ? ['cuda', 'cpu'] : ['cpu'];
  if (isInstalled(asked)) return [asked];
  const advice = asked === 'cuda' ? '. pnpm backend install --gpu gets cuda (Linux on x64)' : '';
  throw new ProviderError(`provider ${asked} is not installed with ONNX Runtime; there are ${installed().join(', ')} (or auto)${advice}`);
}

/** Checks the libraries before ONNX Runtime loads them, because it would say less. @throws Error with what an installed provider lacks */
export function checkLibraries(provider: ProviderName): void {
  const library = provider === 'cuda' ? cudaLibrary() : null;
  const fault = library && loaderFault(library);
  if (fault) throw new Error(fault);
}

export function installed(): ProviderName[] {
  return (['cuda', 'webgpu', 'cpu'] as const).filter(isInstalled);
}

/** ONNX Runtime lists cuda among its backends even without its library, which a separate install brings. */
function isInstalled(provider: ProviderName): boolean {
  return provider === 'cuda' ? cudaLibrary() !== null : listSupportedBackends().some(({ name }) => name === provider);
}

/**
 * Returns the CUDA provider in the folder of the loaded ONNX Runtime, the only place where it looks: npm's own folder, or the one that
 * LD_LIBRARY_PATH named when this process was started (docs/backends.md). Null if there is none.
 */
export function cudaLibrary(): string | null {
  if (process.platform !== 'linux') return null;
  // The report then looks up no host names, and takes 2 ms.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  const loaded = sharedObjects.find((path) => basename(path) === 'libonnxruntime.so.1');
  const library = loaded && join(dirname(loaded), 'libonnxruntime_providers_cuda.so');
  return library && existsSync(library) ? library : null;
}

/**
 * Loads the provider with the system's loader, because ONNX Runtime itself says only that it could not load it.
 *
 * @returns what is wrong, such as a missing library that it needs; null if all are found
 */
export function loaderFault(library: string): string | null {
  try {
    process.dlopen({ exports: {} }, library);
    return null;
  } catch (error) {
    const { message } = error as Error;
    // Every library was found by then: the symbol is ONNX Runtime's own, provided later; or it is loaded, but no addon of Node.
    if (/undefined symbol: Provider_GetHost|did not self-register/.test(message)) return null;
    return message.startsWith('libcuda.so.1:') ? "there is no libcuda.so.1, which comes with NVIDIA's driver" : message;
  }
}
