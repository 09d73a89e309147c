import type { Verdict } from '../../shared/protocol/screen-messages.ts';

/** Asks a worker for the verdict on each image, as its tensor. @param images [n, H, W, C] flat, of `size` values each */
export async function workerVerdicts(url: string, images: Float32Array, size: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let first = 0; first < images.length; first += size) {
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await fetch(`${url}/screen`, { method: 'POST', headers, body: images.slice(first, first + size) });
    if (!answer.ok) throw new Error(`the worker answers ${answer.status}: ${await answer.text()}`);
    verdicts.push((await answer.json()) as Verdict);
  }
  return verdicts;
}
