import type { Verdict } from '../shared/protocol/screen-messages.ts';
import type { WorkerAnswer } from './view/verdict.ts';

/**
 * Asks the worker for its verdict.
 *
 * @param image an image file, or the model's own input
 * @param key bearer key; empty for none
 */
export async function askWorker(image: Blob | Float32Array, key: string): Promise<WorkerAnswer> {
  const type = image instanceof Blob ? image.type : 'application/octet-stream';
  const headers = { 'content-type': type, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const body = image instanceof Blob ? image : new Blob([image as Float32Array<ArrayBuffer>]);
  try {
    const started = performance.now();
    const response = await fetch('/screen', { method: 'POST', headers, body });
    const answer = await response.json().catch(() => null);
    const ms = performance.now() - started;
    if (answer === null) return { problem: `The worker answers ${response.status}, and no verdict.` };
    return response.ok ? { verdict: answer as Verdict, ms } : { problem: `${answer.title}. ${answer.detail}` };
  } catch (error) {
    return { problem: `The worker does not answer (${(error as Error).message}). Is it still running?` };
  }
}
