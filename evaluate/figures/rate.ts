import jstat from 'jstat';
import type { Rate } from './report-schema.ts';

/** Of the interval, on each side. */
const TAIL = 0.025;

/**
 * A count of so many with the 95 % interval of Clopper and Pearson (Biometrika 26, 1934): it holds the true share in at least 95 of 100
 * experiments, however few the images. Of nothing, all shares are possible.
 */
export function rate(count: number, of: number): Rate {
  const { inv } = jstat.jStat.beta;
  return {
    ...{ count, of },
    low: count === 0 ? 0 : inv(TAIL, count, of - count + 1),
    high: count === of ? 1 : inv(1 - TAIL, count + 1, of - count),
  };
}
