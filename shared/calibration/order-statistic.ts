import jstat from 'jstat';

/**
 * Returns the rank k (from 1, ascending) of the calibration score to use as threshold: the smallest with
 * P(P(score > threshold | clean) <= alpha) >= 1 - delta over the draw of n exchangeable calibration images.
 *
 * The share of clean images at or below the k-th of n scores is at least Beta(k, n + 1 - k) distributed (exactly so without ties),
 * hence the condition P(Binomial(n, 1 - alpha) <= k - 1) >= 1 - delta (training-conditional conformal prediction: Vovk, Conditional
 * validity of inductive conformal predictors, 2012, proposition 2a).
 *
 * @returns k, or null if even the largest of n scores does not give the guarantee: see `imagesNeeded`
 */
export function conformalRank(n: number, alpha: number, delta: number): number | null {
  checkShares(alpha, delta);
  const holds = (k: number) => k >= 1 && jstat.jStat.binomial.cdf(k - 1, n, 1 - alpha) >= 1 - delta;
  if (n < 1 || !holds(n)) return null;
  let low = 0;
  let high = n;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Returns the probability that more than alpha of m fresh images are above the k-th of n calibration scores, all n + m exchangeable
 * and without ties: their number is beta-binomial, with a = n - k + 1 and b = k. It exceeds delta, because m images have their own noise.
 */
export function exceedanceProbability(n: number, k: number, m: number, alpha: number): number {
  const [a, b] = [n - k + 1, k];
  let sum = 0;
  for (let j = Math.floor(alpha * m) + 1; j <= m; j++) {
    sum += Math.exp(jstat.jStat.combinationln(m, j) + jstat.jStat.betaln(j + a, m - j + b) - jstat.jStat.betaln(a, b));
  }
  return sum;
}

/** Returns the smallest number of calibration images that can promise alpha and delta: the n with (1 - alpha)^n <= delta. */
export function imagesNeeded(alpha: number, delta: number): number {
  checkShares(alpha, delta);
  return Math.ceil(Math.log(delta) / Math.log(1 - alpha));
}

/**
 * Returns the smallest alpha that the k-th of n calibration scores can promise, by default the largest: the P(Beta(k, n + 1 - k) < 1 - alpha)
 * that is delta.
 */
export function smallestAlpha(n: number, delta: number, k = n): number {
  if (k < 1) return 1;
  return k === n ? 1 - delta ** (1 / n) : 1 - jstat.jStat.beta.inv(delta, k, n + 1 - k);
}

function checkShares(alpha: number, delta: number): void {
  for (const [name, value] of Object.entries({ alpha, delta })) {
    if (!(value > 0 && value < 1)) throw new RangeError(`${name} is ${value}; it must be more than 0 and less than 1`);
    // The binomial sum is exact to about 1e-10 only.
    if (value < 1e-8) throw new RangeError(`${name} is ${value}; it must be 1e-8 or more`);
  }
}

/** Levels at which a bundle keeps quantiles of its clean scores; denser at the top, where decisions fall. */
export const QUANTILE_LEVELS = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1];

/** Returns a quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996). @throws RangeError if empty */
export function quantile(sample: readonly number[], level: number): number {
  if (sample.length === 0) throw new RangeError('an empty sample has no quantile');
  const sorted = [...sample].sort((a, b) => a - b);
  const at = level * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (at - Math.floor(at)) * (high - low);
}

/** Returns a row of quantiles per class; a class without scores gets those of all classes. */
export function quantileTable(scoresByClass: readonly (readonly number[])[], levels: readonly number[] = QUANTILE_LEVELS): number[][] {
  const all = scoresByClass.flat();
  return scoresByClass.map((scores) => levels.map((level) => quantile(scores.length > 0 ? scores : all, level)));
}
