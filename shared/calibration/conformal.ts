import type { Scores } from '../scores.ts';
import type { Thresholds } from '../screening-schema.ts';
import { conformalRank, imagesNeeded } from './order-statistic.ts';
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
 * @throws RangeError with the number of images needed, where there are too few for the promise
 */
export function conformalThresholds(tune: readonly Scores[], calibration: readonly Scores[], options: ConformalOptions): Thresholds {
  const { classes, alpha, delta, guarantee } = options;
  const maps = fitMaps(tune, classes);
  const joint = calibration.map((scores) => ({ label: scores.label, surprise: jointSurprise(maps, scores) }));
  const limits = Array.from({ length: classes }, (_, y) => {
    const sample = guarantee === 'marginal' ? joint : joint.filter(({ label }) => label === y);
    const rank = conformalRank(sample.length, alpha, delta);
    if (rank === null) {
      const whose = guarantee === 'marginal' ? '' : ` of class ${y}`;
      throw new RangeError(
        `${sample.length} calibration images${whose} are too few to promise a false-rejection rate of ${alpha} with confidence ${1 - delta}: ` +
          `${imagesNeeded(alpha, delta)} are needed. Use more images, a larger alpha or delta${guarantee === 'per-class' ? ', or the marginal guarantee' : ', or the three-sigma method'}.`,
      );
    }
    return sample.map(({ surprise }) => surprise).sort((a, b) => a - b)[rank - 1] as number;
  });
  const thresholds = (name: Tested) => maps.map((map, y) => roundedUp(scoreAt(map[name], (limits[y] as number) - Math.log(SHARES[name]))));
  return {
    maxLatentDistance: thresholds('latentDistance'),
    maxReconstructionError: thresholds('reconstructionError'),
    maxRelativeError: thresholds('relativeError'),
  };
}

function fitMaps(tune: readonly Scores[], classes: number): Maps {
  return Array.from({ length: classes }, (_, y) => {
    const own = tune.filter(({ label }) => label === y);
    // A class that nothing was assigned to takes the shape of all; its thresholds are then no promise of its own.
    const sample = own.length > 0 ? own : tune;
    const fit = (name: Tested) => fitRankMap(sample.map((scores) => scores[name]));
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
