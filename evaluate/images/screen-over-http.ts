import { batchSchema } from '../../shared/protocol/screen-messages.ts';
import type { ImageSet } from './image-sets.ts';

/** Counts the outcomes of labelled images at a worker. */
export interface HttpOutcomes {
  images: number;
  acceptedRight: number;
  acceptedWrong: number;
  reclassifiedRight: number;
  reclassifiedWrong: number;
  rejected: number;
  /** Rejected images that the fallback should have reclassified and could not. */
  unavailable: number;
}

const AT_ONCE = 20;

/**
 * Screens images through `POST /screen`, in JSON batches.
 *
 * @throws Error where the worker does not answer with a verdict for each
 */
export async function screenOverHttp(url: string, { batches, labels }: ImageSet, signal?: AbortSignal): Promise<HttpOutcomes> {
  const outcomes: HttpOutcomes = {
    images: labels.length,
    acceptedRight: 0,
    acceptedWrong: 0,
    reclassifiedRight: 0,
    reclassifiedWrong: 0,
    rejected: 0,
    unavailable: 0,
  };
  let first = 0;
  for (const images of batches(AT_ONCE)) {
    const count = Math.min(AT_ONCE, labels.length - first);
    const size = images.length / count;
    const pixels = (i: number) => ({ pixels: Array.from(images.subarray(i * size, (i + 1) * size)) });
    const body = JSON.stringify({ images: Array.from({ length: count }, (_, i) => pixels(i)) });
    const response = await fetch(`${url}/screen`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      ...(signal ? { signal } : {}),
    });
    if (!response.ok) throw new Error(`the worker answered ${response.status}: ${await response.text()}`);
    batchSchema.parse(await response.json()).results.forEach((result, i) => {
      if (!('verdict' in result)) throw new Error(`image ${first + i}: ${result.detail}`);
      if (result.verdict === 'rejected') {
        outcomes.rejected++;
        if (result.reclassification === 'unavailable') outcomes.unavailable++;
      } else {
        const right = result.index === labels[first + i];
        outcomes[`${result.verdict}${right ? 'Right' : 'Wrong'}`]++;
      }
    });
    first += count;
  }
  return outcomes;
}
