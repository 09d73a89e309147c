import jstat from 'jstat';

/** A count of images and the interval of its share. */
export interface Rate {
  count: number;
  of: number;
  low: number;
  high: number;
}

/** Probability outside the interval, on each side. */
const TAIL = 0.025;

/**
 * Returns a count with its 95 % interval (Clopper and Pearson, Biometrika 26, 1934), which holds the true share in at least 95 of 100
 * experiments, however few the images. With no images the interval is 0 to 1.
 */
export function rate(count: number, of: number): Rate {
  const { inv } = jstat.jStat.beta;
  return {
    ...{ count, of },
    low: count === 0 ? 0 : inv(TAIL, count, of - count + 1),
    high: count === of ? 1 : inv(1 - TAIL, count + 1, of - count),
  };
}

/** Formats a rate as `1.20 % (95 %: 0.44 to 2.60)`. */
export function rateText({ count, of, low, high }: Rate): string {
  const [share, from, to] = [of === 0 ? 0 : count / of, low, high].map((value) => (100 * value).toFixed(2));
  return `${of === 0 ? '-' : share} % (95 %: ${from} to ${to})`;
}
