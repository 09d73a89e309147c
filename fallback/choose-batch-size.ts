/** Tried in turn, from one image on. */
const SIZES = [2, 4, 8, 16, 32];
/** A batch may take so long: the first of it waits for all of it. */
const BATCH_SECONDS = 0.15;
/** How much slower an image in a batch may be searched than alone. The way to a thread and back is saved. */
const NO_SLOWER = 1.1;

export interface BatchChoice {
  batchSize: number;
  secondsPerImage: number;
}

/**
 * As many images as a thread searches in a moment, where that is no slower than one by one; it depends on the graph and the
 * provider.
 *
 * @param seconds of a search of that many images
 */
export async function chooseBatchSize(seconds: (images: number) => Promise<number>): Promise<BatchChoice> {
  const alone = await seconds(1);
  let best = { batchSize: 1, secondsPerImage: alone };
  if (alone > BATCH_SECONDS) return best;
  for (const batchSize of SIZES) {
    const all = await seconds(batchSize);
    if (all > BATCH_SECONDS || all / batchSize > NO_SLOWER * best.secondsPerImage) break;
    best = { batchSize, secondsPerImage: all / batchSize };
  }
  return best;
}
