import type { Thresholds } from '../bundle/screening-schema.ts';
import type { Scores } from '../decision/scores.ts';
import { conformalRank, imagesNeeded, quantile } from './order-statistic.ts';
import { fitRankMap, type RankMap, scoreAt, surpriseOf } from './rank-map.ts';

export interface ConformalOptions {
  classes: number;
  /** The false-rejection rate that must hold. */
  alpha: number;
  /** Probability, over the draw of the calibration images, with which it may not. */
  delta: number;
  guarantee: 'marginal' | 'per-class';
}

/** The scores that are tested, in the order of the tests; `relativeError` is the one beside the paper's two. */
const TESTED = ['latentDistance', 'reconstructionError', 'relativeError'] as const;

type Tested = (typeof TESTED)[number];
type Maps = Record<Tested, RankMap>[];

/**
 * How the false rejections are shared out among the tests: a score of surprise s is exceeded by exp(-s) of the clean images, so
 * s + ln(share) makes each test reject in proportion to its share. The latent test gets most, as it is the one that finds the
 * classifier's own mistakes. Fixed beforehand, so the guarantee does not depend on them.
 */
const SHARES: Record<Tested, number> = { latentDistance: 0.6, reconstructionError: 0.2, relativeError: 0.2 };

/**
 * Conformal thresholds: the scores of an image are made comparable by a monotone map per predicted class (fitted on `tune`),
 * their maximum is the joint score, an order statistic of it over `calibration` is the threshold, which mapped back gives one
 * threshold per class and score. So P(reject | clean) <= alpha, with probability 1 - delta.
 *
 * Where an image's surprises are all small the joint score may be negative; it is only compared.
 *
 * @param tune scores of clean images that shape the thresholds
 * @param calibration scores of clean images used here once and nowhere else
 * @throws RangeError with the number of images needed, where there are too few for the promise; where a tune score is not finite,
 *   or no finite threshold keeps it
 */
export function conformalThresholds(tune: readonly Scores[], calibration: readonly Scores[], options: ConformalOptions): Thresholds {
  const { classes, alpha, delta, guarantee } = options;
  const maps = fitMaps(tune, classes);
  const joint = calibration.map((scores) => ({ label: scores.label, surprise: jointSurprise(maps, scores) }));
  const limits = Array.from({ length: classes }, (_, y) => {
    const sample = guarantee === 'marginal' ? joint : joint.filter(({ label }) => label === y);
    const rank = rankFor(sample.length, guarantee === 'marginal' ? '' : ` of class ${y}`, { alpha, delta, guarantee });
    // A score that is not a number is rejected whatever the threshold: it counts as the most surprising.
    const surprises = sample.map(({ surprise }) => (Number.isNaN(surprise) ? Number.POSITIVE_INFINITY : surprise));
    return surprises.sort((a, b) => a - b)[rank - 1] as number;
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
        `${name} of class ${y} comes out as ${values[y]}: a rejection rate of ${alpha} can't be kept on these calibration scores by any finite threshold. ` +
          'Look for images in the tune and calibration splits that are damaged or of another kind, and train longer.',
      );
  }
  return found;
}

/**
 * The rank of the calibration score that is the threshold.
 *
 * @param whose put after "calibration images" in the error
 * @throws RangeError with the number of images needed, where n are too few
 */
export function rankFor(n: number, whose: string, { alpha, delta, guarantee }: Omit<ConformalOptions, 'classes'>): number {
  const rank = conformalRank(n, alpha, delta);
  if (rank !== null) return rank;
  throw new RangeError(
    `${n} calibration images${whose} are too few to promise a false-rejection rate of ${alpha} with confidence ${1 - delta}: ` +
      `${imagesNeeded(alpha, delta)} are needed. Use more images, a larger alpha or delta${guarantee === 'per-class' ? ', or the marginal guarantee' : ', or the three-sigma method'}.`,
  );
}

/** With fewer images of its own in the tune split, the shape of a class's scores is that of all classes. */
const OWN_SHAPE = 50;
/** With fewer, not even their scale is its own. */
const OWN_SCALE = 10;

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

function jointSurprise(maps: Maps, scores: Scores): number {
  const map = maps[scores.label];
  if (!map) throw new RangeError(`label ${scores.label} is not one of ${maps.length} classes`);
  return Math.max(...TESTED.map((name) => surpriseOf(map[name], scores[name]) + Math.log(SHARES[name])));
}

/** A hair upwards, so that the calibration image that set the threshold is not rejected by the rounding of the way back. */
function roundedUp(score: number): number {
  return score * (1 + 1e-9);
}
