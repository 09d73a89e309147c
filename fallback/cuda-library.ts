import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * The CUDA provider beside the ONNX Runtime that is loaded, which looks for it there only: npm's own, or the one that LD_LIBRARY_PATH
 * named when this process was started (docs/backends.md). Null where it has none.
 */
export function cudaLibrary(): string | null {
  if (process.platform !== 'linux') return null;
  // Names of hosts are not looked up for it; it takes 2 ms.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  const loaded = sharedObjects.find((path) => basename(path) === 'libonnxruntime.so.1');
  const library = loaded && join(dirname(loaded), 'libonnxruntime_providers_cuda.so');
  return library && existsSync(library) ? library : null;
}

/**
 * Asks the system's loader for the provider, as ONNX Runtime itself says only that it could not load it.
 *
 * @returns what is wrong, such as a library that it needs and that is not there; null where all are found
 */
export function loaderFault(library: string): string | null {
  try {
    process.dlopen({ exports: {} }, library);
    return null;
  } catch (error) {
    const { message } = error as Error;
    // By then every library that it needs was found: that name is ONNX Runtime's own, given to it later; or it is loaded, and no addon of Node.
    if (/undefined symbol: Provider_GetHost|did not self-register/.test(message)) return null;
    return message.startsWith('libcuda.so.1:') ? "there is no libcuda.so.1, which comes with NVIDIA's driver" : message;
  }
}
