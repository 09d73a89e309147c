import type { Thresholds } from '../bundle/screening-schema.ts';
import { decide } from '../decision/decide.ts';
import type { Scores } from '../decision/scores.ts';
import { DEFAULT_SCORES, isOptional, type OptionalScore, SCORE_NAMES, SCORES, type ScoreName } from '../score-table.ts';
import { conformalRank, imagesNeeded, quantile, smallestAlpha } from './order-statistic.ts';
import { fitRankMap, type RankMap, scoreAt, surprisalOf } from './rank-map.ts';

export interface ConformalOptions {
  classes: readonly string[];
  /** False-rejection rate that must hold. */
  alpha: number;
  /** Probability, over the draw of the calibration images, that it does not hold. */
  delta: number;
  guarantee: 'marginal' | 'per-class';
  /** Optional scores that are tested. */
  scores?: readonly OptionalScore[];
  /** Thresholds are at most these. */
  caps?: ThresholdCaps;
  /** Scores whose thresholds are the same for all classes. */
  common?: readonly ScoreName[];
  /** Classes of which there are too few images to set thresholds from, and the thresholds that they keep. */
  kept?: KeptThresholds;
}

/** The largest threshold of some scores, per class: images beyond one are rejected whatever the calibration images are. */
export type ThresholdCaps = { readonly [name in ScoreName]?: readonly number[] };

export interface KeptThresholds {
  labels: ReadonlySet<number>;
  /** With every score that is tested. */
  thresholds: Thresholds;
}

/** Share of alpha that the images of classes whose thresholds are kept may be. */
const RARE = 0.5;

/**
 * Returns the classes that are rarest among the tune images, together at most half of alpha of them: whatever their thresholds reject, the
 * promise can be kept. Chosen without a look at the calibration images, so it holds.
 */
export function rareLabels(tune: readonly Scores[], classes: number, alpha: number): Set<number> {
  const counts = Array.from({ length: classes }, (_, y) => ({ y, count: tune.filter(({ label }) => label === y).length }));
  const rare = new Set<number>();
  let sum = 0;
  for (const { y, count } of counts.sort((a, b) => a.count - b.count || a.y - b.y)) {
    sum += count;
    if (sum > RARE * alpha * tune.length) break;
    rare.add(y);
  }
  return rare;
}

/** The map of each tested score, per class. */
type Maps = Map<ScoreName, RankMap>[];

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
 * The nonconformity score may be negative; it is only compared. Caps leave the promise as it is: the sets of accepted images still grow
 * with the order statistic, and it counts what the caps reject.
 *
 * @param tune scores of clean images that shape the thresholds
 * @param calibration scores of clean images used here once and nowhere else
 * @throws RangeError naming the number of images needed if there are too few; also if a tune score is not finite, or if no finite
 *   threshold keeps the promise
 */
export function conformalThresholds(tune: readonly Scores[], calibration: readonly Scores[], options: ConformalOptions): Thresholds {
  const { classes, alpha, delta, guarantee, scores: optional = DEFAULT_SCORES, common = [], caps = {}, kept } = options;
  const tested = SCORE_NAMES.filter((name) => !isOptional(name) || optional.some((other) => other === name));
  const maps = fitMaps(tune, classes.length, tested, common);
  const isKept = (y: number) => kept?.labels.has(y) === true;
  const rankedValue = (scores: Scores) => {
    if (isBeyond(scores, caps)) return Infinity;
    // An image of a class that keeps its thresholds is rejected or not, whatever the others' are.
    if (kept && isKept(scores.label)) return decide(scores, kept.thresholds).accepted ? -Infinity : Infinity;
    return nonconformityOf(maps, scores);
  };
  const nonconformities = calibration.map((scores) => ({ label: scores.label, value: rankedValue(scores) }));
  const limits = classes.map((className, y) => {
    const sample = guarantee === 'marginal' ? nonconformities : nonconformities.filter(({ label }) => label === y);
    const group = guarantee === 'marginal' ? '' : ` of class ${className}`;
    const rank = rankFor(sample.length, group, { alpha, delta, guarantee });
    const passing = sample.filter(({ value }) => value !== Infinity).length;
    if (options.caps && rank > passing) throw beyondCaps(sample.length, passing, group, options);
    // A score that is not a number is rejected by any threshold, so it counts as the largest.
    const values = sample.map(({ value }) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value));
    return values.sort((a, b) => a - b)[rank - 1] as number;
  });
  const found = tested.map((name) => {
    const { threshold, weight } = SCORES[name];
    return [
      threshold,
      maps.map((map, y) =>
        Math.min(
          isKept(y)
            ? (kept?.thresholds[threshold]?.[y] as number)
            : roundedUp(scoreAt(map.get(name) as RankMap, (limits[y] as number) - Math.log(weight))),
          caps[name]?.[y] ?? Infinity,
        ),
      ),
    ] as const;
  });
  for (const [name, values] of found) {
    const y = values.findIndex((value) => !Number.isFinite(value));
    if (y >= 0)
      throw new RangeError(
        `${name} of class ${classes[y]} is ${values[y]}: no finite threshold keeps a rejection rate of ${alpha} ` +
          'on these calibration scores. ' +
          'Look for images in the tune and calibration splits that are damaged or of another kind, and train longer.',
      );
  }
  return Object.fromEntries(found) as Thresholds;
}

/** Tells whether a score of an image is above its cap, or no number. */
function isBeyond(scores: Scores, caps: ThresholdCaps): boolean {
  return SCORE_NAMES.some((name) => caps[name] && !((scores[name] ?? Number.NaN) <= (caps[name][scores.label] as number)));
}

function beyondCaps(n: number, passing: number, group: string, { alpha, delta }: ConformalOptions): RangeError {
  const possible = Math.ceil(1000 * smallestAlpha(n, delta, passing)) / 1000;
  return new RangeError(
    `the guarantee of strict mode rejects ${n - passing} of ${n} calibration images${group}, too many to promise a false-rejection rate of ` +
      `${alpha} with confidence ${1 - delta}. ` +
      `${possible < 1 ? `This model can promise an alpha of ${possible} or more (--alpha ${possible}). For less, use` : 'Use'} ` +
      'a smaller radius, or a model that was trained with interval bounds for this one.',
  );
}

/**
 * Returns the rank of the calibration score that is the threshold.
 *
 * @param group stands after "calibration images" in the error
 * @param inAll returns how many images, calibration images and others, hold so many calibration images
 * @throws RangeError naming the number of images needed if n are too few, and the smallest alpha that they can promise
 */
export function rankFor(
  n: number,
  group: string,
  { alpha, delta, guarantee }: Pick<ConformalOptions, 'alpha' | 'delta' | 'guarantee'>,
  inAll?: (calibrationImages: number) => number,
): number {
  const rank = conformalRank(n, alpha, delta);
  if (rank !== null) return rank;
  const needed = imagesNeeded(alpha, delta);
  const possible = Math.ceil(1000 * smallestAlpha(n, delta)) / 1000;
  throw new RangeError(
    `${n} calibration images${group} are too few to promise a false-rejection rate of ${alpha} with confidence ${1 - delta}: ` +
      `${needed} are needed${inAll ? ` (about ${inAll(needed)} images in all)` : ''}. ` +
      `Use more images${possible < 1 ? `, an alpha of ${possible} or more` : ''}, a larger delta, ` +
      `or the ${guarantee === 'per-class' ? 'marginal guarantee' : 'three-sigma method'}.`,
  );
}

function fitMaps(tune: readonly Scores[], classes: number, tested: readonly ScoreName[], common: readonly ScoreName[]): Maps {
  return Array.from({ length: classes }, (_, y) => {
    const own = tune.filter(({ label }) => label === y);
    const fit = (name: ScoreName) => {
      const values = (sample: readonly Scores[]) => sample.map((scores) => scores[name] ?? Number.NaN);
      if (common.includes(name)) return fitRankMap(values(tune));
      if (own.length >= OWN_SHAPE) return fitRankMap(values(own));
      const ratio = own.length >= OWN_SCALE ? quantile(values(own), 0.5) / quantile(values(tune), 0.5) : 1;
      return fitRankMap(values(tune).map((score) => score * (Number.isFinite(ratio) && ratio > 0 ? ratio : 1)));
    };
    return new Map(tested.map((name) => [name, fit(name)]));
  });
}

/** Returns the nonconformity score of an image: the largest surprisal of its scores, shifted by the weight of each test. */
function nonconformityOf(maps: Maps, scores: Scores): number {
  const map = maps[scores.label];
  if (!map) throw new RangeError(`label ${scores.label} is not one of ${maps.length} classes`);
  return Math.max(...Array.from(map, ([name, ranks]) => surprisalOf(ranks, scores[name] ?? Number.NaN) + Math.log(SCORES[name].weight)));
}

/** Raises a threshold slightly, so that the rounding of the inverse does not reject the calibration image that set it. */
function roundedUp(score: number): number {
  return score * (1 + 1e-9);
}
