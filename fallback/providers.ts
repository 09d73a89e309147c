import { listSupportedBackends } from 'onnxruntime-node';
import { UserError } from '../shared/user-error.ts';
import { cudaLibrary, loaderFault } from './cuda-library.ts';

export type ProviderName = 'cpu' | 'cuda' | 'webgpu';
export type Provider = 'auto' | ProviderName;

/** A provider of ONNX Runtime that was asked for can't be had here. The message says which can. */
export class ProviderError extends UserError {}

/**
 * The providers to try in turn. `auto`: cuda where it is installed, then cpu; webgpu only when asked for, as without a GPU it
 * is software, and slow.
 *
 * @throws ProviderError where the one that was asked for is not installed
 */
export function providersToTry(asked: Provider): ProviderName[] {
  if (asked === 'auto') return isInstalled('cuda') ? ['cuda', 'cpu'] : ['cpu'];
  if (!isInstalled(asked))
    throw new ProviderError(
      `provider ${asked} is not installed with ONNX Runtime; there are ${installed().join(', ')} (or auto)${asked === 'cuda' ? '. pnpm backend install --gpu gets cuda (Linux on x64)' : ''}`,
    );
  return [asked];
}

/** Asked before ONNX Runtime is, which would say less. @throws Error with what a provider that is installed lacks here */
export function checkLibraries(provider: ProviderName): void {
  const library = provider === 'cuda' ? cudaLibrary() : null;
  const fault = library && loaderFault(library);
  if (fault) throw new Error(fault);
}

export function installed(): ProviderName[] {
  return (['cuda', 'webgpu', 'cpu'] as const).filter(isInstalled);
}

/** ONNX Runtime names cuda among its backends even where its library, which comes by a separate install, is not there. */
function isInstalled(provider: ProviderName): boolean {
  return provider === 'cuda' ? cudaLibrary() !== null : listSupportedBackends().some(({ name }) => name === provider);
}
