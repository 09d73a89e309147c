import { batchSchema } from '../shared/screen-messages.ts';

/** Outcomes of labelled images at the worker's door, as counts. */
export interface HttpOutcomes {
  images: number;
  acceptedRight: number;
  acceptedWrong: number;
  reclassifiedRight: number;
  reclassifiedWrong: number;
  rejected: number;
  /** Of the rejected: those that the fallback should have looked at and could not. */
  unavailable: number;
}

const AT_ONCE = 20;

/**
 * Screens images through `POST /screen`, in JSON batches.
 *
 * @param images each [H, W, C] flat
 * @param labels the true class of each; -1 for an image of nothing, of which every label is wrong
 * @throws Error where the worker does not answer with a verdict for each
 */
export async function screenOverHttp(url: string, images: Float32Array[], labels: number[], signal?: AbortSignal): Promise<HttpOutcomes> {
  const outcomes: HttpOutcomes = {
    images: images.length,
    acceptedRight: 0,
    acceptedWrong: 0,
    reclassifiedRight: 0,
    reclassifiedWrong: 0,
    rejected: 0,
    unavailable: 0,
  };
  for (let first = 0; first < images.length; first += AT_ONCE) {
    const body = JSON.stringify({ images: images.slice(first, first + AT_ONCE).map((image) => ({ pixels: Array.from(image) })) });
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
  }
  return outcomes;
}
