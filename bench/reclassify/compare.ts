import jstat from 'jstat';
import type { Turn } from './turns.ts';

/** One search beside the first one, on the same images. */
export interface Row {
  name: string;
  /** Per cent of the images that get their right class, whatever the thresholds say. */
  right: number;
  /** Images that the first search got right and this one did not, and the other way round. */
  lost: number;
  won: number;
  /** Probability of a difference at least as large if both were equally good: exact McNemar test. */
  p: number;
  /** Mean reconstruction error of what was found. */
  error: number;
  /** An image; median of the turns. */
  milliseconds: number;
  /** Time of the first one in that of this one, median of the turns. */
  faster: number;
}

/** @param names of the searches, in the order of each turn's `found` */
export function compare(names: readonly string[], turns: readonly Turn[]): Row[] {
  const labels = turns.flatMap((turn) => turn.labels);
  const right = names.map((_, i) => turns.flatMap((turn) => turn.labels.map((label, j) => turn.found[i]?.labels[j] === label)));
  const times = names.map((_, i) => turns.map(({ found, labels }) => (found[i]?.milliseconds as number) / labels.length));
  const [base] = right as [boolean[]];
  return names.map((name, i) => {
    const own = right[i] as boolean[];
    const lost = base.filter((was, j) => was && !own[j]).length;
    const won = base.filter((was, j) => !was && own[j]).length;
    return {
      name,
      right: (100 * own.filter(Boolean).length) / labels.length,
      lost,
      won,
      p: lost + won === 0 ? 1 : Math.min(1, 2 * jstat.jStat.binomial.cdf(Math.min(lost, won), lost + won, 0.5)),
      error: turns.flatMap(({ found }) => found[i]?.errors as number[]).reduce((sum, error) => sum + error, 0) / labels.length,
      milliseconds: median(times[i] as number[]),
      faster: median((times[0] as number[]).map((time, j) => time / (times[i]?.[j] as number))),
    };
  });
}

const median = (sample: readonly number[]) => [...sample].sort((a, b) => a - b)[Math.floor(sample.length / 2)] as number;
