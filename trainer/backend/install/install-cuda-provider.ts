import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFolder } from '../package-folder.ts';
import { type CudaProvider, findCudaProviders } from './cuda-provider.ts';
import { BESIDE } from './cuda-provider-manifest.ts';
import { type InstallOptions, installLibraries } from './install.ts';
import type { Manifest } from './manifests.ts';
import { checkPip } from './pip.ts';

/**
 * ONNX Runtime's CUDA provider with NVIDIA's libraries, and beside it a copy of the ONNX Runtime of onnxruntime-node, which looks for
 * its providers in its own folder: nothing is written to node_modules. What is there already stays.
 *
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installCudaProvider(manifest: Manifest, options: InstallOptions): Promise<CudaProvider> {
  await checkPip(options.signal ? { signal: options.signal } : {});
  const library = join(packageFolder('onnxruntime-node') as string, 'bin/napi-v6/linux/x64/libonnxruntime.so.1');
  const directory = await installLibraries(manifest, {
    ...options,
    add: (fresh) => copyFile(library, join(fresh, BESIDE, 'libonnxruntime.so.1')),
  });
  return findCudaProviders(options.folder).find((provider) => provider.directory === directory) as CudaProvider;
}
