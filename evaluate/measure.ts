import { DEFAULT_MIN_MARGIN, decideReclassified } from '../shared/decision.ts';
import type { Evidence } from '../shared/screening-schema.ts';
import { imagesWithinMemory } from '../trainer/data/images-within-memory.ts';
import type { ImageSet } from './image-sets.ts';
import type { Reclassifier } from './reclassify-images.ts';
import type { Screener } from './screen-images.ts';

/** Most images at once; the verdicts do not depend on it. */
const IMAGES_PER_RUN = 100;

/**
 * What the bundle makes of a set of images, as counts: screen.onnx and the decision of `shared/`, then (where a reclassifier
 * is given) the search of Eq. 9 for each rejected image, kept only within both thresholds.
 */
export async function measure(screener: Screener, reclassifier: Reclassifier | null, set: ImageSet, protocol: string): Promise<Evidence> {
  const { screening } = screener;
  const size = screening.input.height * screening.input.width * screening.input.channels;
  const evidence: Evidence = {
    name: set.name,
    protocol,
    id: screening.id,
    images: set.labels.length,
    acceptedRight: 0,
    acceptedWrong: 0,
    rejected: 0,
    reclassified: reclassifier && { right: 0, wrong: 0, rejectedStill: 0 },
  };
  let first = 0;
  for (const part of set.batches(imagesWithinMemory(screening.input, IMAGES_PER_RUN))) {
    const labels = set.labels.slice(first, first + part.length / size);
    first += labels.length;
    const rejected: number[] = [];
    (await screener.screen(part)).forEach(({ scores, decision }, i) => {
      if (!decision.accepted) rejected.push(i);
      else evidence[scores.label === labels[i] ? 'acceptedRight' : 'acceptedWrong']++;
    });
    evidence.rejected += rejected.length;
    if (reclassifier && evidence.reclassified && rejected.length > 0) {
      const images = new Float32Array(rejected.length * size);
      for (const [to, from] of rejected.entries()) images.set(part.subarray(from * size, (from + 1) * size), to * size);
      const found = await reclassifier.reclassify(images);
      for (const [i, scores] of found.entries()) {
        const kept = decideReclassified(scores, screening.thresholds, { keepAll: false, minMargin: DEFAULT_MIN_MARGIN }).accepted;
        const outcome = !kept ? 'rejectedStill' : scores.label === labels[rejected[i] as number] ? 'right' : 'wrong';
        evidence.reclassified[outcome]++;
      }
    }
  }
  return evidence;
}
