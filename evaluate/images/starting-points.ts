import type { StartingPoints } from '../../attacks/attack.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt, type LabelledImages } from '../../trainer/data/dataset.ts';

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
  const classes = new Map<number, number[]>();
  for (const index of order) {
    const label = train.labels[index] as number;
    const known = classes.get(label) ?? [];
    if (known.length < CANDIDATES) known.push(index);
    classes.set(label, known);
  }
  const accepted = new Map<number, boolean>();
  const screen = async (indices: number[], label: number) => {
    const unknown = indices.filter((index) => !accepted.has(index));
    if (unknown.length === 0) return;
    const verdicts = await screener.screen(imagesAt(train, unknown));
    for (const [i, { scores, decision }] of verdicts.entries())
      accepted.set(unknown[i] as number, decision.accepted && scores.label === label);
  };
  return async (image, label, count) => {
    const levels = Float32Array.from(image, (value) => value * 255);
    const sorted = (classes.get(label) ?? [])
      .map((index) => ({ index, distance: distanceTo(train.image(index), levels) }))
      .sort((a, b) => a.distance - b.distance);
    const found: { image: Float32Array; distance: number }[] = [];
    for (let first = 0; first < sorted.length && found.length < count; first += AT_ONCE) {
      const next = sorted.slice(first, first + AT_ONCE);
      await screen(
        next.map(({ index }) => index),
        label,
      );
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
