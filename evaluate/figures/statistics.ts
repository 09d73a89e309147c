import jstat from 'jstat';

/** Share of the images that a stronger attack may lose, net, before it counts as weaker. */
const TOLERATED_LOSS = 0.02;
/** Significance level of the sign test, which catches small losses that all go one way. */
const SIGNIFICANCE = 0.01;

/** Two attacks compared on the images that both were tried on. */
export interface Comparison {
  images: number;
  /** Images that only the weaker attack breaks. */
  lost: number;
  /** Images that only the stronger attack breaks. */
  gained: number;
  /** True where the stronger attack finds less, by more than chance. */
  less: boolean;
}

/**
 * Compares an attack with one that should find at least as much, such as the same attack with a larger radius or more steps. The stronger
 * one could break every image that the weaker one breaks, so a loss is a failure of the attack, apart from chance in its search. It finds
 * `less` where it loses, net, more than 2 images in 100 (and more than one), or where a sign test of the images that only one of the two
 * breaks says so (p < 0.01).
 *
 * @param weaker says of each image whether the attack breaks it
 */
export function compareAttacks(weaker: ReadonlyMap<number, boolean>, stronger: ReadonlyMap<number, boolean>): Comparison {
  let [images, lost, gained] = [0, 0, 0];
  for (const [image, broken] of weaker) {
    const brokenByStronger = stronger.get(image);
    if (brokenByStronger === undefined) continue;
    images++;
    if (broken && !brokenByStronger) lost++;
    if (brokenByStronger && !broken) gained++;
  }
  const net = lost - gained;
  const chance = lost === 0 ? 1 : 1 - jstat.jStat.binomial.cdf(lost - 1, lost + gained, 0.5);
  return { images, lost, gained, less: net > Math.max(1, TOLERATED_LOSS * images) || (net > 0 && chance < SIGNIFICANCE) };
}
