import { FGSM_EPSILONS, imageSets } from '../../evaluate/images/image-sets.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import type { Dataset } from '../../trainer/data/dataset.ts';
import type { Model } from '../../trainer/model/build-model.ts';

/** Rejected images with their true classes. */
export interface Rejects {
  name: string;
  labels: number[];
  /** [n, H, W, C] flat */
  images: Float32Array;
}

/**
 * What the screen rejects: clean test images, and attacked ones at each epsilon.
 *
 * @param count at most so many of each. Of clean images fewer are rejected: what is missing are those that came nearest to it, by the
 *   larger of both scores in proportion to its threshold
 */
export async function* rejects(screener: Screener, model: Model, dataset: Dataset, count: number, seed: number): AsyncGenerator<Rejects> {
  const { screening } = screener;
  const size = screening.input.height * screening.input.width * screening.input.channels;
  const attacked = Math.ceil(1.3 * count);
  const sets = imageSets(model, dataset, { clean: dataset.test.count, attacked, nonsense: 0 }, seed);
  for (const set of sets.slice(0, 1 + FGSM_EPSILONS.length)) {
    const found: { label: number; image: Float32Array; order: number }[] = [];
    let first = 0;
    for (const part of set.batches(imagesWithinMemory(screening.input, 100))) {
      (await screener.screen(part)).forEach(({ scores, decision }, i) => {
        const { maxLatentDistance, maxReconstructionError } = screening.thresholds;
        const near = Math.max(
          scores.latentDistance / (maxLatentDistance[scores.label] as number),
          scores.reconstructionError / (maxReconstructionError[scores.label] as number),
        );
        if (decision.accepted && set !== sets[0]) return;
        const order = decision.accepted ? Math.min(near, 1) : 1e6;
        found.push({ label: set.labels[first + i] as number, image: part.slice(i * size, (i + 1) * size), order });
      });
      first += part.length / size;
      // Of the clean ones only the nearest are kept: all of them are more than memory holds, for large images.
      found.sort((a, b) => b.order - a.order);
      found.length = Math.min(found.length, count);
    }
    const images = new Float32Array(found.length * size);
    found.forEach(({ image }, i) => {
      images.set(image, i * size);
    });
    yield { name: set.name, labels: found.map(({ label }) => label), images };
  }
}
