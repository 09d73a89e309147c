import jstat from 'jstat';
import { undetected } from '../outcome.ts';
import type { MeasuredPart } from './measured-parts.ts';

/** Of the images, net: a larger loss is no chance; of few images one is. */
const MOST_LOST = 0.02;
/** Of the sign test, for losses that are small but all one way. */
const SIGNIFICANT = 0.01;

/** Two parts on the images that both were tried on. */
export interface Comparison {
  images: number;
  /** broken by the first alone, and by the second alone */
  lost: number;
  gained: number;
  /** whether the second finds less, by more than chance */
  less: boolean;
}

/**
 * Whether an attack finds less than one that it should match: the same with a smaller radius, or with fewer steps. Every image that the
 * weaker breaks the stronger could break too, so a loss is the attack's own failure; some of it may be how its search fell out. It counts as
 * failed where it loses more than it gains by over 2 images of 100 (and over 1), or where a sign test of the images that only one of them
 * breaks says so (p < .01).
 */
export function findsLess(weaker: MeasuredPart, stronger: MeasuredPart): Comparison {
  return compared(brokenImages(weaker), brokenImages(stronger));
}

/** The same, of images each marked as broken or not. */
export function compared(weaker: ReadonlyMap<number, boolean>, stronger: ReadonlyMap<number, boolean>): Comparison {
  let [images, lost, gained] = [0, 0, 0];
  for (const [image, broken] of weaker) {
    const other = stronger.get(image);
    if (other === undefined) continue;
    images++;
    if (broken && !other) lost++;
    if (other && !broken) gained++;
  }
  const net = lost - gained;
  const chance = lost === 0 ? 1 : 1 - jstat.jStat.binomial.cdf(lost - 1, lost + gained, 0.5);
  return { images, lost, gained, less: net > Math.max(1, MOST_LOST * images) || (net > 0 && chance < SIGNIFICANT) };
}

/** Of each image whether any outcome is accepted and wrong. */
function brokenImages({ outcomes }: MeasuredPart): Map<number, boolean> {
  const broken = new Map<number, boolean>();
  for (const outcome of outcomes) broken.set(outcome.image, (broken.get(outcome.image) ?? false) || undetected(outcome));
  return broken;
}
