/** A score of the decision: everything that rooms know of it besides its formula in the graphs and in tfjs. */
interface ScoreRow {
  /** Names its thresholds in `screening.json`, one per predicted class. */
  threshold: string;
  /** The reason of a rejection by it. */
  reason: string;
  /** Names it for people. */
  title: string;
  /**
   * Every bundle tests a score that is tested `always`. The others are optional: calibration tests those `by default` and those that
   * `--scores` names; that tested `in strict mode` belongs to bundles with a guarantee (`bundle/guarantee.ts`).
   */
  tested: 'always' | 'by default' | 'on request' | 'in strict mode';
  /**
   * The test's part in the false rejections, relative to the other tests. A fraction exp(-s) of clean images exceeds a score of surprisal
   * s, so s + ln(weight) makes each test reject in proportion to its weight. Fixed beforehand, so the guarantee does not depend on it. With 0
   * no rank sets the threshold, only a cap (`calibration/strict-caps.ts`).
   */
  weight: number;
  /** The output of screen.onnx and reclassify.onnx that gives it; or how it follows from those scores and the image. */
  from: string | Derived;
}

/** @param energy of the image, the sum of its squared values */
type Derived = (scores: { reconstructionError: number }, energy: number, bundle: { relativeErrorOffset: number }) => number;

/**
 * The scores, in the order of their tests. Each is a number of 0 or more per image, small for images like the training images, and compared
 * with the threshold of the predicted class. A two-sided score is a row too: its graph answers the distance to a centre per class.
 */
export const SCORES = {
  /** Squared Mahalanobis distance of the latent to its label's mean. */
  latentDistance: {
    threshold: 'maxLatentDistance',
    reason: 'latent-distance',
    title: 'Latent distance',
    tested: 'always',
    // The largest, because this test finds the classifier's own mistakes.
    weight: 0.8,
    from: 'latent_distance',
  },
  /** Sum over pixels and channels of (x - g(f(x)))^2. */
  reconstructionError: {
    threshold: 'maxReconstructionError',
    reason: 'reconstruction-error',
    title: 'Reconstruction error',
    tested: 'always',
    weight: 0.1,
    from: 'reconstruction_error',
  },
  /**
   * Reconstruction error divided by (offset + the image's energy); not in the paper. The paper's error is in absolute units, so a blank
   * page, which any class reconstructs nearly right, passes it; relative to what is on the page it does not. The offset is in the units of
   * the energy and keeps the ratio finite for a blank image.
   */
  relativeError: {
    threshold: 'maxRelativeError',
    reason: 'relative-error',
    title: 'Relative error',
    tested: 'by default',
    weight: 0.1,
    from: ({ reconstructionError }, energy, { relativeErrorOffset }) => reconstructionError / (relativeErrorOffset + energy),
  },
  /**
   * Sum over pixels and channels of (x - g(mu_label))^2, not in the paper: the image against the decoder's image of its class mean. A
   * latent that has been led away from the mean can't lower it.
   */
  meanReconstructionError: {
    threshold: 'maxMeanReconstructionError',
    reason: 'mean-reconstruction-error',
    title: 'Error of the mean reconstruction',
    tested: 'on request',
    weight: 0.1,
    from: 'mean_reconstruction_error',
  },
  /**
   * Largest share of the way from the label's mean to another class's mean that a change of the image within the radius of the bundle's
   * guarantee can move the latent, by interval bounds; not in the paper. 0 at the label's own mean, 1/2 half way, 1 at the other mean.
   */
  rivalMargin: {
    threshold: 'maxRivalMargin',
    reason: 'rival-margin',
    title: 'Margin of a rival class',
    tested: 'in strict mode',
    weight: 0,
    from: 'rival_margin',
  },
} as const satisfies Record<string, ScoreRow>;

type Table = typeof SCORES;
export type ScoreName = keyof Table;
export type OptionalScore = { [N in ScoreName]: Table[N]['tested'] extends 'always' ? never : N }[ScoreName];
export type ChosenScore = { [N in OptionalScore]: Table[N]['tested'] extends 'in strict mode' ? never : N }[OptionalScore];
export type RequiredScore = Exclude<ScoreName, OptionalScore>;
/** A score that is an output of the graphs. */
export type GraphScore = { [N in ScoreName]: Table[N]['from'] extends string ? N : never }[ScoreName];
/** A score that a graph answers if the bundle tests it. */
export type OptionalGraphScore = GraphScore & OptionalScore;
export type ScoreReason = Table[ScoreName]['reason'];
type ThresholdKey = Table[ScoreName]['threshold'];

export const SCORE_NAMES = Object.keys(SCORES) as ScoreName[];
export const GRAPH_SCORES = SCORE_NAMES.filter((name): name is GraphScore => typeof SCORES[name].from === 'string');
export const OPTIONAL_GRAPH_SCORES = GRAPH_SCORES.filter((name): name is OptionalGraphScore => isOptional(name));
export const OPTIONAL_SCORES = SCORE_NAMES.filter((name): name is OptionalScore => isOptional(name));
/** The optional scores that `--scores` may name. */
export const CHOSEN_SCORES = OPTIONAL_SCORES.filter((name): name is ChosenScore => SCORES[name].tested !== 'in strict mode');
export const DEFAULT_SCORES = CHOSEN_SCORES.filter((name) => SCORES[name].tested === 'by default');
export const SCORE_REASONS = SCORE_NAMES.map((name) => SCORES[name].reason);

export function isOptional(name: ScoreName): boolean {
  return SCORES[name].tested !== 'always';
}

/** Gives each score one of two values, for instance their schemas. */
export function perScore<R, O>(required: R, optional: O) {
  const entries = SCORE_NAMES.map((name) => [name, isOptional(name) ? optional : required]);
  return Object.fromEntries(entries) as { [N in ScoreName]: N extends OptionalScore ? O : R };
}

/** Gives the thresholds of each score one of two values. */
export function perThreshold<R, O>(required: R, optional: O) {
  const entries = SCORE_NAMES.map((name) => [SCORES[name].threshold, isOptional(name) ? optional : required]);
  return Object.fromEntries(entries) as { [N in ScoreName as Table[N]['threshold']]: N extends OptionalScore ? O : R };
}

type AnyThresholds = { readonly [key in ThresholdKey]?: readonly number[] | undefined };

/** Returns the scores that a bundle with these thresholds tests, in the order of the tests. */
export function testedScores(thresholds: AnyThresholds): ScoreName[] {
  return SCORE_NAMES.filter((name) => !isOptional(name) || thresholds[SCORES[name].threshold] !== undefined);
}

/** Returns the optional ones of `testedScores`. */
export const optionalScores = (thresholds: AnyThresholds) =>
  testedScores(thresholds).filter((name): name is OptionalScore => isOptional(name));

/** Returns the threshold of each tested score for a label; undefined where it is missing. */
export function limitsOf(thresholds: AnyThresholds, label: number): { name: ScoreName; limit: number | undefined }[] {
  return testedScores(thresholds).map((name) => ({ name, limit: thresholds[SCORES[name].threshold]?.[label] }));
}
