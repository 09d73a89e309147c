import type { Thresholds } from '../bundle/screening-schema.ts';
import type { Scores } from '../decision/scores.ts';
import { conformalRank, imagesNeeded, quantile } from './order-statistic.ts';
import { fitRankMap, type RankMap, scoreAt, surprisalOf } from './rank-map.ts';

export interface ConformalOptions {
  classes: number;
  /** False-rejection rate that must hold. */
  alpha: number;
  /** Probability, over the draw of the calibration images, that it does not hold. */
  delta: number;
  guarantee: 'marginal' | 'per-class';
}

/** Scores in the order of their tests; `relativeError` is not in the paper. */
const TESTED = ['latentDistance', 'reconstructionError', 'relativeError'] as const;

type Tested = (typeof TESTED)[number];
type Maps = Record<Tested, RankMap>[];

/**
 * Shares of the tests in the false rejections: a fraction exp(-s) of clean images exceeds a score of surprisal s, so s + ln(share) makes
 * each test reject in proportion to its share. The latent test has the largest share, because it finds the classifier's own mistakes.
 * The shares are fixed beforehand, so the guarantee does not depend on them.
 */
const SHARES: Record<Tested, number> = { latentDistance: 0.6, reconstructionError: 0.2, relativeError: 0.2 };

/** With fewer images of its own in the tune split, a class takes the shape of its scores from all classes. */
const OWN_SHAPE = 50;
/** With fewer, it takes even the scale from all classes. */
const OWN_SCALE = 10;

/**
 * Returns conformal thresholds, with which P(reject | clean) <= alpha with probability 1 - delta (Vovk, Conditional validity of inductive
 * conformal predictors, 2012). A monotone map per predicted class, fitted on `tune`, makes the scores of an image comparable; their
 * maximum is its nonconformity score. An order statistic of that score over `calibration`, mapped back, gives one threshold per class
 * and score.
 *
 * The nonconformity score may be negative; it is only compared.
 *
 * @param tune scores of clean images that shape the thresholds
 * @param calibration scores of clean images used here once and nowhere else
 * @throws RangeError naming the number of images needed if there are too few; also if a tune score is not finite, or if no finite
 *   threshold keeps the promise
 */
export function conformalThresholds(tune: readonly Scores[], calibration: readonly Scores[], options: ConformalOptions): Thresholds {
  const { classes, alpha, delta, guarantee } = options;
  const maps = fitMaps(tune, classes);
  const nonconformities = calibration.map((scores) => ({ label: scores.label, value: nonconformityOf(maps, scores) }));
  const limits = Array.from({ length: classes }, (_, y) => {
    const sample = guarantee === 'marginal' ? nonconformities : nonconformities.filter(({ label }) => label === y);
    const rank = rankFor(sample.length, guarantee === 'marginal' ? '' : ` of class ${y}`, { alpha, delta, guarantee });
    // A score that is not a number is rejected by any threshold, so it counts as the largest.
    const values = sample.map(({ value }) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value));
    return values.sort((a, b) => a - b)[rank - 1] as number;
  });
  const thresholds = (name: Tested) => maps.map((map, y) => roundedUp(scoreAt(map[name], (limits[y] as number) - Math.log(SHARES[name]))));
  const found = {
    maxLatentDistance: thresholds('latentDistance'),
    maxReconstructionError: thresholds('reconstructionError'),
    maxRelativeError: thresholds('relativeError'),
  };
  for (const [name, values] of Object.entries(found)) {
    const y = values.findIndex((value) => !Number.isFinite(value));
    if (y >= 0)
      throw new RangeError(
        `${name} of class ${y} is ${values[y]}: no finite threshold keeps a rejection rate of ${alpha} on these calibration scores. ` +
          'Look for images in the tune and calibration splits that are damaged or of another kind, and train longer.',
      );
  }
  return found;
}

/**
 * Returns the rank of the calibration score that is the threshold.
 *
 * @param group stands after "calibration images" in the error
 * @throws RangeError naming the number of images needed if n are too few
 */
export function rankFor(n: number, group: string, { alpha, delta, guarantee }: Omit<ConformalOptions, 'classes'>): number {
  const rank = conformalRank(n, alpha, delta);
  if (rank !== null) return rank;
  throw new RangeError(
    `${n} calibration images${group} are too few to promise a false-rejection rate of ${alpha} with confidence ${1 - delta}: ` +
      `${imagesNeeded(alpha, delta)} are needed. Use more images, a larger alpha or delta, ` +
      `or the ${guarantee === 'per-class' ? 'marginal guarantee' : 'three-sigma method'}.`,
  );
}

function fitMaps(tune: readonly Scores[], classes: number): Maps {
  return Array.from({ length: classes }, (_, y) => {
    const own = tune.filter(({ label }) => label === y);
    const fit = (name: Tested) => {
      const values = (sample: readonly Scores[]) => sample.map((scores) => scores[name]);
      if (own.length >= OWN_SHAPE) return fitRankMap(values(own));
      const ratio = own.length >= OWN_SCALE ? quantile(values(own), 0.5) / quantile(values(tune), 0.5) : 1;
      return fitRankMap(values(tune).map((score) => score * (Number.isFinite(ratio) && ratio > 0 ? ratio : 1)));
    };
    return { latentDistance: fit('latentDistance'), reconstructionError: fit('reconstructionError'), relativeError: fit('relativeError') };
  });
}

/** Returns the nonconformity score of an image: the largest surprisal of its scores, shifted by the share of each test. */
function nonconformityOf(maps: Maps, scores: Scores): number {
  const map = maps[scores.label];
  if (!map) throw new RangeError(`label ${scores.label} is not one of ${maps.length} classes`);
  return Math.max(...TESTED.map((name) => surprisalOf(map[name], scores[name]) + Math.log(SHARES[name])));
}

/** Raises a threshold slightly, so that the rounding of the inverse does not reject the calibration image that set it. */
function roundedUp(score: number): number {
  return score * (1 + 1e-9);
}
