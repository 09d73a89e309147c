import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';

export type ProviderName = 'cpu' | 'cuda' | 'webgpu';
export type Provider = 'auto' | ProviderName;

/** A provider of ONNX Runtime that was asked for can't be had here. The message says which can. */
export class ProviderError extends Error {
  override name = 'ProviderError';
  readonly code = 'NO_PROVIDER';
}

/**
 * The providers to try in turn. `auto`: cuda where it is installed, then cpu; webgpu only when asked for, as without a GPU it
 * is software, and slow.
 *
 * @throws ProviderError where the one that was asked for is not installed
 */
export function providersToTry(asked: Provider): ProviderName[] {
  if (asked === 'auto') return isInstalled('cuda') ? ['cuda', 'cpu'] : ['cpu'];
  if (!isInstalled(asked))
    throw new ProviderError(`provider ${asked} is not installed with ONNX Runtime; there are ${installed().join(', ')} (or auto)`);
  return [asked];
}

export function installed(): ProviderName[] {
  return (['cuda', 'webgpu', 'cpu'] as const).filter(isInstalled);
}

/** ONNX Runtime names cuda among its backends even where its library, which comes by a separate install, is not there. */
function isInstalled(provider: ProviderName): boolean {
  if (provider !== 'cuda') return listSupportedBackends().some(({ name }) => name === provider);
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return existsSync(join(root, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so'));
}
