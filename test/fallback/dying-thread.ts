import search from '../../fallback/search-thread.ts';

/** The real search, in a thread that is lost in the midst of a batch where an image begins with 0.25 or 0.5. */
export default async function dying(batch: Parameters<typeof search>[0]): ReturnType<typeof search> {
  const size = batch.images.length / (batch.shape[0] as number);
  const firsts = Array.from({ length: batch.shape[0] as number }, (_, i) => batch.images[i * size]);
  if (firsts.includes(0.25)) process.exit(1);
  if (firsts.includes(0.5)) {
    setTimeout(() => {
      throw new Error('nobody catches this');
    });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  return search(batch);
}
