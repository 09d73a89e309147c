/** Tried in turn: as long as it pays. Larger ones would make the first of a batch wait longer than it saves. */
const SIZES = [4, 16];
/** A batch must search an image in that share of the time at most, or it only makes its members wait for each other. */
const PAYS = 0.8;

export interface BatchChoice {
  batchSize: number;
  secondsPerImage: number;
}

/**
 * Measures whether images in a batch are searched faster than alone, which depends on the graph and the provider: on a core
 * of a CPU the search of ten starts is not, a GPU's is.
 *
 * @param seconds of a search of that many images
 */
export async function chooseBatchSize(seconds: (images: number) => Promise<number>): Promise<BatchChoice> {
  let best = { batchSize: 1, secondsPerImage: await seconds(1) };
  for (const batchSize of SIZES) {
    const secondsPerImage = (await seconds(batchSize)) / batchSize;
    if (secondsPerImage > PAYS * best.secondsPerImage) break;
    best = { batchSize, secondsPerImage };
  }
  return best;
}
