import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useTensorFlow } from './tensorflow/tensorflow.ts';
import { useWasm } from './wasm/wasm.ts';

/** What a further thread of the process needs to compute as the first one does. */
export type ThreadBackend = { name: 'wasm' } | { name: 'tensorflow'; binding: string; kind: 'cpu' | 'gpu' };

/**
 * Makes the backend tfjs's current one in a further thread. tfjs-node's binding keeps its tensors in one place for the whole process,
 * without a lock; loaded from another file it is another one, over the same TensorFlow.
 */
export async function useBackendInThread(backend: ThreadBackend): Promise<void> {
  if (backend.name === 'wasm') return useWasm();
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-binding-'));
  try {
    const binding = join(folder, 'tfjs_binding.node');
    await copyFile(backend.binding, binding);
    await useTensorFlow({ binding, kind: backend.kind });
  } finally {
    // Loaded, it is not needed any more.
    await rm(folder, { recursive: true, force: true });
  }
}
