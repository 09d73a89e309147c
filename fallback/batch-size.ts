import type { ProviderName } from './providers.ts';

/** Batch sizes tried in turn. */
const SIZES = [2, 4, 8, 16, 32];
/** Longest time of a batch: its first image waits for all of it. */
const BATCH_SECONDS = 0.15;
/** Largest slowdown per image in a batch against the best so far. The way to a thread and back is saved. */
const MAX_SLOWDOWN = 1.1;
/** At least one search of each size is timed, and more of them up to this time. */
const MEASURED_MS = 100;

export interface BatchChoice {
  batchSize: number;
  secondsPerImage: number;
}

/**
 * Measures the search and chooses the batch size: as many images as a thread searches in a moment, if that is no slower than one by one.
 * It depends on the graph and the provider.
 *
 * @param search searches that many golden images
 * @param asked a size that is only measured, or `auto`
 */
export async function measureBatches(
  search: (images: number) => Promise<unknown>,
  provider: ProviderName,
  asked: number | 'auto',
): Promise<BatchChoice> {
  const seconds = async (images: number) => {
    // A GPU compiles its kernels in the first search of a size.
    if (provider !== 'cpu') await search(images);
    // The smallest of several: other work on the machine can only add time.
    const times: number[] = [];
    for (const begun = performance.now(); times.length === 0 || (times.length < 5 && performance.now() - begun < MEASURED_MS); ) {
      const started = performance.now();
      await search(images);
      times.push((performance.now() - started) / 1000);
    }
    return Math.min(...times);
  };
  return asked === 'auto' ? chooseBatchSize(seconds) : { batchSize: asked, secondsPerImage: await seconds(1) };
}

/** Chooses the batch size. @param seconds returns the time of a search of that many images */
export async function chooseBatchSize(seconds: (images: number) => Promise<number>): Promise<BatchChoice> {
  const alone = await seconds(1);
  let best = { batchSize: 1, secondsPerImage: alone };
  if (alone > BATCH_SECONDS) return best;
  for (const batchSize of SIZES) {
    const all = await seconds(batchSize);
    if (all > BATCH_SECONDS || all / batchSize > MAX_SLOWDOWN * best.secondsPerImage) break;
    best = { batchSize, secondsPerImage: all / batchSize };
  }
  return best;
}
