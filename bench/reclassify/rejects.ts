import { fastGradientSign } from '../../attacks/fgsm.ts';
import { jobInputs } from '../../evaluate/measure/context.ts';
import { FGSM_EPSILONS } from '../../evaluate/protocols/paper.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import { CLEAN } from '../../shared/bundle/evidence-names.ts';
import { limitsOf } from '../../shared/score-table.ts';
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
 * Yields what the screen rejects: clean test images, and attacked ones at each epsilon.
 *
 * @param count at most so many of each. Of clean images fewer are rejected: what is missing are those that came nearest to it, by the
 *   larger of both scores in proportion to its threshold
 */
export async function* rejects(screener: Screener, model: Model, dataset: Dataset, count: number, seed: number): AsyncGenerator<Rejects> {
  const { screening } = screener;
  const size = screening.input.height * screening.input.width * screening.input.channels;
  const attackedModel = { encoder: model.encoder, means: screening.means, input: screening.input };
  const atOnce = imagesWithinMemory(screening.input, 100);
  for (const epsilon of [0, ...FGSM_EPSILONS]) {
    const found: { label: number; image: Float32Array; order: number }[] = [];
    const total = epsilon === 0 ? dataset.test.count : Math.min(Math.ceil(1.3 * count), dataset.test.count);
    for (let first = 0; first < total; first += atOnce) {
      const { images, labels } = jobInputs({ dataset, seed }, { from: first, to: Math.min(total, first + atOnce) });
      const part = epsilon === 0 ? images : fastGradientSign(attackedModel, images, labels, epsilon);
      (await screener.screen(part)).forEach(({ scores, decision }, i) => {
        const limits = limitsOf(screening.thresholds, scores.label);
        const near = Math.max(...limits.map(({ name, limit = 0 }) => (scores[name] ?? 0) / limit));
        if (decision.accepted && epsilon > 0) return;
        const order = decision.accepted ? Math.min(near, 1) : 1e6;
        found.push({ label: labels[i] as number, image: part.slice(i * size, (i + 1) * size), order });
      });
      // Of the clean ones only the nearest are kept: all of them are more than memory holds, for large images.
      found.sort((a, b) => b.order - a.order);
      found.length = Math.min(found.length, count);
    }
    const images = new Float32Array(found.length * size);
    found.forEach(({ image }, i) => {
      images.set(image, i * size);
    });
    yield { name: epsilon === 0 ? CLEAN : `FGSM, epsilon ${epsilon}`, labels: found.map(({ label }) => label), images };
  }
}
