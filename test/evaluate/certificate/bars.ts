import { randomFrom } from '../../../shared/random.ts';

export const CLASSES = 3;

/** Draws 8x8 images of three classes, which third of the rows is brighter than the noise; from clear images to very faint ones. */
export function drawBars(count: number, seed: number): { images: Float32Array; labels: number[] } {
  const random = randomFrom(seed, 'bars');
  const labels = Array.from({ length: count }, (_, i) => i % CLASSES);
  const bright = (i: number) => Math.floor((i % 64) / 24) === labels[Math.floor(i / 64)];
  const contrasts = labels.map(() => 0.02 + 0.6 * random.uniform());
  const value = (i: number) => 0.3 * random.uniform() + (bright(i) ? (contrasts[Math.floor(i / 64)] as number) : 0);
  return { images: Float32Array.from({ length: count * 64 }, (_, i) => value(i)), labels };
}
