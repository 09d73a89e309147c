/** Smallest start of the tail relative to the largest score; keeps it above zero if all scores are zero. */
const TINY = 1e-6;
/** If the scores of the tail are all equal, they say nothing about what lies beyond; a unit of surprisal then takes 2 % of the score. */
const LEAST_INDEX = 0.02;

/**
 * A monotone map that makes scores of different classes and kinds comparable: the surprisal -ln(1 - F(score)), where F is the smoothed
 * rank of the score among the clean scores of the fit.
 *
 * Up to the tail (the largest tenth, but at least ten scores and at most half of them) F is the interpolated rank i / (m + 1). Beyond,
 * 1 - F falls as a power of the score with Hill's estimate of the exponent (Hill 1975, A simple general approach to inference about
 * the tail of a distribution), so that the map rises past the largest score of the fit and can be inverted anywhere. The logarithm
 * matters: the classifier's own mistakes lie far out in the tail, and a scale fitted to their excess (an exponential tail) widens the
 * threshold until an attack fits through. Any increasing map keeps the conformal guarantee, because the images of the fit (tune) are
 * not those that set the threshold (calibration).
 */
export interface RankMap {
  /** Ascending scores, the first 0, and the surprisal at each. */
  scores: number[];
  surprisals: number[];
  /** Start of the tail, > 0: the last knot, or slightly above zero if that is 0. */
  tailStart: number;
  /** Mean of ln(score / tailStart) over the tail, > 0: the ln(score) per unit of surprisal beyond it. */
  tailIndex: number;
}

/** Fits a map. @param sample clean scores, >= 0. @throws RangeError if it is empty or a score is not finite */
export function fitRankMap(sample: readonly number[]): RankMap {
  if (sample.length === 0) throw new RangeError('a rank map needs at least one score');
  if (!sample.every(Number.isFinite)) throw new RangeError('a rank map needs finite scores');
  const sorted = [...sample].sort((a, b) => a - b);
  const m = sorted.length;
  const tail = Math.max(1, Math.min(Math.max(Math.ceil(m / 10), 10), Math.floor(m / 2)));
  const map: RankMap = { scores: [0], surprisals: [0], tailStart: 0, tailIndex: 1 };
  for (let i = 0; i < m - tail; i++) {
    const score = sorted[i] as number;
    const surprisal = -Math.log(1 - (i + 1) / (m + 1));
    if (score > (map.scores.at(-1) as number)) {
      map.scores.push(score);
      map.surprisals.push(surprisal);
    } else if (map.scores.length > 1) map.surprisals[map.surprisals.length - 1] = surprisal;
  }
  map.tailStart = Math.max(map.scores.at(-1) as number, TINY * Math.max(sorted[m - 1] as number, TINY));
  const logExcess = sorted.slice(m - tail).map((score) => Math.log(Math.max(score, map.tailStart) / map.tailStart));
  map.tailIndex = Math.max(logExcess.reduce((sum, value) => sum + value, 0) / tail, LEAST_INDEX);
  return map;
}

/** Returns the surprisal of a score, >= 0, increasing in it; NaN for NaN. */
export function surprisalOf(map: RankMap, score: number): number {
  if (score <= map.tailStart) return interpolate(map.scores, map.surprisals, score);
  return (map.surprisals.at(-1) as number) + Math.log(score / map.tailStart) / map.tailIndex;
}

/** Returns the score that has this surprisal: the inverse of `surprisalOf`. */
export function scoreAt(map: RankMap, surprisal: number): number {
  const last = map.surprisals.at(-1) as number;
  if (surprisal <= last) return interpolate(map.surprisals, map.scores, surprisal);
  return map.tailStart * Math.exp((surprisal - last) * map.tailIndex);
}

/** Interpolates linearly between the knots (from[i], to[i]), `from` ascending; constant beyond the last knot. */
function interpolate(from: readonly number[], to: readonly number[], x: number): number {
  let low = 0;
  let high = from.length - 1;
  if (x <= (from[0] as number)) return to[0] as number;
  if (x >= (from[high] as number)) return to[high] as number;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((from[middle] as number) < x) low = middle;
    else high = middle;
  }
  const share = (x - (from[low] as number)) / ((from[high] as number) - (from[low] as number));
  return (to[low] as number) + share * ((to[high] as number) - (to[low] as number));
}
