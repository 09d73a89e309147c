import type { Oracle, StartingPoints } from '../../attacks/attack.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import { randomFrom } from '../../shared/random.ts';
import { limitsOf, SCORE_NAMES, type ScoreName } from '../../shared/score-table.ts';
import { imagesAt, type LabelledImages } from '../../trainer/data/dataset.ts';

/* What an attacker has beside the model: answers of the exported graph, and images of his own. */

/**
 * Makes an oracle of screen.onnx.
 *
 * @param feedback `scores`: what the scope `explain` sees; `verdicts`: what everyone sees
 */
export function graphOracle({ screen, screening }: Screener, feedback: 'scores' | 'verdicts'): Oracle {
  const limits = (label: number): PerScore =>
    Object.fromEntries(limitsOf(screening.thresholds, label).map(({ name, limit }) => [name, limit]));
  return async (images) =>
    (await screen(images)).map(({ scores, decision: { accepted } }) => ({
      accepted,
      label: accepted || feedback === 'scores' ? scores.label : null,
      logRatios: feedback === 'scores' ? logRatiosOf(scores, limits(scores.label)) : null,
    }));
}

type PerScore = { readonly [name in ScoreName]?: number | null | undefined };

/**
 * Calculates log(score / threshold) of each test that the bundle has; a score that is not a number is beyond any threshold.
 *
 * @param limits the thresholds of one class; null or absent where the score is not tested
 */
export function logRatiosOf(scores: PerScore, limits: PerScore): number[] {
  return SCORE_NAMES.flatMap((name) => {
    const [score = null, limit = null] = [scores[name], limits[name]];
    if (limit === null) return [];
    return [score === null || !Number.isFinite(score) ? Number.MAX_VALUE : Math.log((score + 1e-12) / limit)];
  });
}

/** So many training images of each class are searched; the nearest of more would be a little nearer. */
const CANDIDATES = 1000;
/** Screened at once, nearest first. */
const AT_ONCE = 8;

/**
 * Finds the training images of a class that are nearest to an image and are accepted as that class.
 *
 * @param train the training images; `seed` chooses among them where there are many
 */
export function startingPoints(train: LabelledImages, screener: Screener, seed: number): StartingPoints {
  const order = randomFrom(seed, 'nearest-images').shuffle(Array.from({ length: train.count }, (_, i) => i));
  const classes = Map.groupBy(order, (index) => train.labels[index] as number);
  const accepted = new Map<number, boolean>();
  const screen = async (indices: number[], label: number) => {
    const unknown = indices.filter((index) => !accepted.has(index));
    if (unknown.length === 0) return;
    const verdicts = await screener.screen(imagesAt(train, unknown));
    for (const [i, { scores, decision }] of verdicts.entries())
      accepted.set(unknown[i] as number, decision.accepted && scores.label === label);
  };
  return async (image, label, count) => {
    const levels = image.map((value) => value * 255);
    const sorted = (classes.get(label) ?? [])
      .slice(0, CANDIDATES)
      .map((index) => ({ index, distance: distanceTo(train.image(index), levels) }))
      .sort((a, b) => a.distance - b.distance);
    const found: { image: Float32Array; distance: number }[] = [];
    for (let first = 0; first < sorted.length && found.length < count; first += AT_ONCE) {
      const next = sorted.slice(first, first + AT_ONCE);
      const indices = next.map(({ index }) => index);
      await screen(indices, label);
      for (const { index, distance } of next)
        if (accepted.get(index) && found.length < count) found.push({ image: imagesAt(train, [index]), distance: distance / 255 });
    }
    return found;
  };
}

function distanceTo(image: Uint8Array, levels: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < levels.length; i++) sum += ((image[i] as number) - (levels[i] as number)) ** 2;
  return Math.sqrt(sum);
}
