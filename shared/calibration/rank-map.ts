/**
 * A monotone map that makes scores of different classes and kinds comparable: the surprise -ln(1 - F(score)), where F is the
 * smoothed rank of the score among the clean scores it was fitted on. Up to the largest tenth F is the interpolated rank
 * i / (m + 1); beyond, the tail is exponential with the mean excess as its scale, so that the map goes on rising past the
 * largest score seen and can be inverted anywhere. Any increasing map keeps the conformal guarantee, as it is fitted on
 * other images (tune) than those that set the threshold (calibration).
 */
export interface RankMap {
  /** Ascending scores, the first 0, and the surprise at each. */
  scores: number[];
  surprises: number[];
  /** Score units per unit of surprise beyond the last knot. */
  tailScale: number;
}

/** @param sample clean scores, >= 0. @throws RangeError where it is empty or a score is not finite */
export function fitRankMap(sample: readonly number[]): RankMap {
  if (sample.length === 0) throw new RangeError('a rank map needs at least one score');
  if (!sample.every(Number.isFinite)) throw new RangeError('a rank map needs finite scores');
  const sorted = [...sample].sort((a, b) => a - b);
  const m = sorted.length;
  const tail = Math.max(Math.ceil(m / 10), Math.min(m, 10));
  const map: RankMap = { scores: [0], surprises: [0], tailScale: 1 };
  for (let i = 0; i < m - tail; i++) {
    const score = sorted[i] as number;
    const surprise = -Math.log(1 - (i + 1) / (m + 1));
    if (score > (map.scores.at(-1) as number)) {
      map.scores.push(score);
      map.surprises.push(surprise);
    } else if (map.scores.length > 1) map.surprises[map.surprises.length - 1] = surprise;
  }
  const start = map.scores.at(-1) as number;
  const excess = sorted.slice(m - tail).reduce((sum, score) => sum + Math.max(score - start, 0), 0) / tail;
  map.tailScale = Math.max(excess, 1e-6 * Math.max(start, 1e-6));
  return map;
}

/** The surprise of a score, >= 0, increasing in it; NaN for NaN. */
export function surpriseOf(map: RankMap, score: number): number {
  const last = map.scores.length - 1;
  const start = map.scores[last] as number;
  if (!(score <= start)) return (map.surprises[last] as number) + (score - start) / map.tailScale;
  return interpolate(map.scores, map.surprises, score);
}

/** The score that has this surprise: the inverse of `surpriseOf`. */
export function scoreAt(map: RankMap, surprise: number): number {
  const last = map.scores.length - 1;
  const start = map.surprises[last] as number;
  if (!(surprise <= start)) return (map.scores[last] as number) + (surprise - start) * map.tailScale;
  return interpolate(map.surprises, map.scores, surprise);
}

/** Piecewise linear through (from[i], to[i]), from ascending; x at or below the last knot. */
function interpolate(from: readonly number[], to: readonly number[], x: number): number {
  let low = 0;
  let high = from.length - 1;
  if (high === 0 || x <= (from[0] as number)) return to[0] as number;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((from[middle] as number) < x) low = middle;
    else high = middle;
  }
  const share = (x - (from[low] as number)) / ((from[high] as number) - (from[low] as number));
  return (to[low] as number) + share * ((to[high] as number) - (to[low] as number));
}
