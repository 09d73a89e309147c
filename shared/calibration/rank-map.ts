/**
 * A monotone map that makes scores of different classes and kinds comparable: the surprise -ln(1 - F(score)), where F is the
 * smoothed rank of the score among the clean scores it was fitted on. Up to the tail (the largest tenth, but at least ten scores
 * and at most half of them) F is the interpolated rank i / (m + 1); beyond, 1 - F falls as a power of the score with Hill's estimate of the exponent (Hill 1975, A simple general
 * approach to inference about the tail of a distribution), so that the map goes on rising past the largest score seen and can
 * be inverted anywhere. The logarithm matters: the classifier's own mistakes lie far out in the tail, and a scale fitted to
 * their excess (an exponential tail) widens the threshold until an attack fits through. Any increasing map keeps the
 * conformal guarantee, as it is fitted on other images (tune) than those that set the threshold (calibration).
 */
export interface RankMap {
  /** Ascending scores, the first 0, and the surprise at each. */
  scores: number[];
  surprises: number[];
  /** Where the tail starts, > 0: the last knot, or a hair above zero where that is 0. */
  tailStart: number;
  /** Mean of ln(score / tailStart) over the tail, > 0: the ln(score) that a unit of surprise takes beyond it. */
  tailIndex: number;
}

/** @param sample clean scores, >= 0. @throws RangeError where it is empty or a score is not finite */
export function fitRankMap(sample: readonly number[]): RankMap {
  if (sample.length === 0) throw new RangeError('a rank map needs at least one score');
  if (!sample.every(Number.isFinite)) throw new RangeError('a rank map needs finite scores');
  const sorted = [...sample].sort((a, b) => a - b);
  const m = sorted.length;
  const tail = Math.max(1, Math.min(Math.max(Math.ceil(m / 10), 10), Math.floor(m / 2)));
  const map: RankMap = { scores: [0], surprises: [0], tailStart: 0, tailIndex: 1 };
  for (let i = 0; i < m - tail; i++) {
    const score = sorted[i] as number;
    const surprise = -Math.log(1 - (i + 1) / (m + 1));
    if (score > (map.scores.at(-1) as number)) {
      map.scores.push(score);
      map.surprises.push(surprise);
    } else if (map.scores.length > 1) map.surprises[map.surprises.length - 1] = surprise;
  }
  map.tailStart = Math.max(map.scores.at(-1) as number, TINY * Math.max(sorted[m - 1] as number, TINY));
  const logExcess = sorted.slice(m - tail).map((score) => Math.log(Math.max(score, map.tailStart) / map.tailStart));
  map.tailIndex = Math.max(logExcess.reduce((sum, value) => sum + value, 0) / tail, LEAST_INDEX);
  return map;
}

/** Relative; keeps the tail's start above zero where scores are all zero. */
const TINY = 1e-6;
/** Where the scores of the tail are all alike nothing is known of what lies beyond; a surprise of 1 then takes 2 % of the score. */
const LEAST_INDEX = 0.02;

/** The surprise of a score, >= 0, increasing in it; NaN for NaN. */
export function surpriseOf(map: RankMap, score: number): number {
  if (score <= map.tailStart) return interpolate(map.scores, map.surprises, score);
  return (map.surprises.at(-1) as number) + Math.log(score / map.tailStart) / map.tailIndex;
}

/** The score that has this surprise: the inverse of `surpriseOf`. */
export function scoreAt(map: RankMap, surprise: number): number {
  const last = map.surprises.at(-1) as number;
  if (surprise <= last) return interpolate(map.surprises, map.scores, surprise);
  return map.tailStart * Math.exp((surprise - last) * map.tailIndex);
}

/** Piecewise linear through (from[i], to[i]), from ascending; beyond the last knot constant. */
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
