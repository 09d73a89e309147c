/** The levels at which a bundle keeps quantiles of its clean scores. Denser at the top, where decisions fall. */
export const QUANTILE_LEVELS = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1];

/** Quantile of a sample by linear interpolation between order statistics (Hyndman and Fan's type 7). @throws RangeError if empty */
export function quantile(sample: readonly number[], level: number): number {
  if (sample.length === 0) throw new RangeError('an empty sample has no quantile');
  const sorted = [...sample].sort((a, b) => a - b);
  const at = level * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (at - Math.floor(at)) * (high - low);
}

/** Row per class of the quantiles at `levels`; a class without scores gets those of all classes. */
export function quantileTable(scoresByClass: readonly (readonly number[])[], levels: readonly number[] = QUANTILE_LEVELS): number[][] {
  const all = scoresByClass.flat();
  return scoresByClass.map((scores) => levels.map((level) => quantile(scores.length > 0 ? scores : all, level)));
}
