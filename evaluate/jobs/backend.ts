import { BackendError } from '../../trainer/backend/backend.ts';
import { type BackendChoice, useBackend } from '../../trainer/backend/backends.ts';
import type { ThreadBackend } from '../../trainer/backend/thread-backend.ts';

export interface EvaluationBackend {
  name: 'wasm' | 'native';
  thread: ThreadBackend;
}

let opened: Promise<EvaluationBackend> | undefined;

/**
 * What each of an evaluation's threads computes with, one core each: native where it is installed, else wasm. A GPU is not used: its
 * one queue is nothing for threads. The first call of the process decides.
 *
 * @throws BackendError where the one that was asked for can't be had
 */
export function evaluationBackend(choice: BackendChoice): Promise<EvaluationBackend> {
  if (choice === 'cuda' || choice === 'webgpu')
    throw new BackendError(`attacks run on the processors' cores: --backend auto, native or wasm, not ${choice}`);
  opened ??= open(choice);
  return opened;
}

async function open(choice: BackendChoice): Promise<EvaluationBackend> {
  // The main thread loads TensorFlow's libraries, which those of the threads then find.
  const native = choice === 'wasm' ? null : await useBackend('native', 1).catch((error) => missing(error, choice));
  return native ? { name: 'native', thread: native.thread } : { name: 'wasm', thread: { name: 'wasm' } };
}

function missing(error: unknown, choice: BackendChoice): null {
  if (choice === 'native' || !(error instanceof BackendError)) throw error;
  return null;
}
