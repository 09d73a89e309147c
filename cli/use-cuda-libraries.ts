import type { Provider } from '../fallback/providers.ts';
import { findCudaProviders } from '../trainer/backend/install/cuda-provider.ts';

/**
 * Where `pnpm backend install --gpu` has brought ONNX Runtime's CUDA provider and it may be used, starts this process anew, as the same
 * process, with its folders in LD_LIBRARY_PATH, which the system's loader reads at the start of a process only. ONNX Runtime is then
 * loaded from there, and finds its provider beside itself and NVIDIA's libraries. Otherwise does nothing.
 */
export function useCudaLibraries(provider: Provider): void {
  if (provider !== 'auto' && provider !== 'cuda') return;
  const found = findCudaProviders().find(({ fault }) => fault === null);
  if (!found) return;
  const wanted = found.libraryPath.join(':');
  const { LD_LIBRARY_PATH: before } = process.env;
  if (before?.startsWith(wanted)) return;
  process.execve?.(process.execPath, [process.argv0, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    LD_LIBRARY_PATH: before ? `${wanted}:${before}` : wanted,
  });
}
