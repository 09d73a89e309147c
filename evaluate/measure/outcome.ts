import { z } from 'zod';
import { NORMS } from '../../attacks/steps/projection.ts';
import { perScore } from '../../shared/score-table.ts';

/** Share by which a perturbation may exceed a radius: float32 adds about as much to one that lies exactly on the ball. */
export const RADIUS_TOLERANCE = 1e-5;

/**
 * The outcome of one image under one attack, by the exported graphs. Everything that is measured has this form, in the jobs' files too, and
 * all figures are calculated from it.
 */
export const outcomeSchema = z.strictObject({
  /** what was done to the image */
  attack: z.string(),
  /** its place in the part: the same number is the same image in all parts of a protocol that begin with test images */
  image: z.int().nonnegative(),
  /** its true class; -1 for an unknown image, for which every label is wrong */
  truth: z.int(),
  /** the class that the attack aimed at; null where any wrong one will do */
  target: z.int().nullable(),
  /** the ball that the attack stays in; null where nothing limits it, or where the image was not attacked */
  norm: z.enum(NORMS).nullable(),
  eps: z.number().nullable(),
  /** the distance from the original image in that norm; null where it was not measured, or where the attack found nothing */
  radius: z.number().nullable(),
  label: z.int(),
  accepted: z.boolean(),
  /** which test rejected it; null where it was accepted */
  reason: z.string().nullable(),
  ...perScore(z.number().nullable(), z.number().nullable().optional()),
  /**
   * the class that Eq. 9 finds for a rejected image, and whether the deployed rule and the paper's (both thresholds, no margin) keep it;
   * null where the image was not reclassified
   */
  reclassified: z.strictObject({ label: z.int(), kept: z.boolean(), keptByPaper: z.boolean() }).nullable(),
  /** queries of an attack without gradients */
  queries: z.int().nullable(),
  /** the classes that a certificate does not exclude for any image within `eps`; absent where none was computed */
  possible: z.array(z.int()).optional(),
  /** the screened image as base64 of its levels 0 to 255, for galleries; of the first few images only */
  picture: z.string().nullable(),
});

export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * Says what a part of a protocol does, for figures and checks: nothing is read out of its name. It is written into the files of its jobs.
 */
export const descriptorSchema = z.strictObject({
  /** `clean`: test images as they are; `attacked`: test images that an attack changed; `other`: corrupted, drawn, generated, unknown. */
  images: z.enum(['clean', 'attacked', 'other']),
  attack: z
    .strictObject({
      name: z.string(),
      knowledge: z.enum(['white-box', 'black-box', 'transfer']),
      norm: z.enum(NORMS).nullable(),
      kind: z.enum(['fixed radius', 'minimum norm', 'unconstrained']),
      cost: z.number(),
      targeted: z.boolean(),
    })
    .nullable(),
  radius: z.number().nullable(),
  /** Rejected images are reclassified. */
  reclassifies: z.boolean(),
  /** The attack asks a worker through HTTP. */
  endpoint: z.boolean(),
  /** The radius holds every image: an attack that works breaks them all. */
  unbounded: z.boolean(),
  /** The part that this one runs again with twice the steps; null otherwise. */
  twiceTheStepsOf: z.string().nullable(),
  /** Part of a sweep over budgets: times the attack's usual gradients; null otherwise. */
  budget: z.number().nullable().default(null),
  /** Measured on another bundle, for comparison: it says nothing about this one. */
  otherBundle: z.boolean(),
  /** A natural corruption with its severity, 1 to 5, and its strength; null otherwise. */
  corruption: z.strictObject({ name: z.string(), severity: z.int(), strength: z.number() }).nullable().default(null),
  /** A kind of unknown images that is made (`trainer/data/unknown/kinds.ts`), and whether the model was trained on it; null otherwise. */
  unknown: z.strictObject({ kind: z.string(), trainedOn: z.boolean() }).nullable().default(null),
  /** A certificate for every image within the radius of the test images; null otherwise. */
  certificate: z
    .strictObject({ norm: z.enum(NORMS), radius: z.number() })
    .nullable()
    .default(null),
});

export type Descriptor = z.infer<typeof descriptorSchema>;

/** Completes a descriptor with what holds of most parts. */
export const descriptorOf = (own: Partial<Descriptor> & Pick<Descriptor, 'images'>): Descriptor => ({
  ...{
    attack: null,
    radius: null,
    reclassifies: false,
    endpoint: false,
    unbounded: false,
    twiceTheStepsOf: null,
    budget: null,
    otherBundle: false,
  },
  ...{ corruption: null, unknown: null, certificate: null },
  ...own,
});

/** Null where the loss is NaN: JSON has no NaN, and a job's file with one would always count as damaged. */
const loss = z.number().nullable();

/** The gradient and the loss that an attack saw on one image. */
export const gradientCheckSchema = z.strictObject({
  image: z.int().nonnegative(),
  /** All values of the first gradient are finite. */
  finite: z.boolean(),
  /** At least one of them is not 0. */
  nonZero: z.boolean(),
  /** The loss on the joint decision, log(score / threshold) or a sum of them: the attack succeeds where it is at most 0. */
  lossStart: loss,
  lossAtHalf: loss,
  lossEnd: loss,
});

export type GradientCheck = z.infer<typeof gradientCheckSchema>;

/** A figure that is not a count of outcomes, such as a Frechet distance. */
export const otherFigureSchema = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  value: z.number(),
  paper: z.number().nullable(),
  about: z.string(),
});

export type OtherFigure = z.infer<typeof otherFigureSchema>;

/** A condition on an outcome. Criteria compose, and every count in a report is of one of them. */
export type Criterion = (outcome: Outcome) => boolean;

export const both =
  (...all: Criterion[]): Criterion =>
  (outcome) =>
    all.every((criterion) => criterion(outcome));
export const either =
  (...any: Criterion[]): Criterion =>
  (outcome) =>
    any.some((criterion) => criterion(outcome));
export const not =
  (criterion: Criterion): Criterion =>
  (outcome) =>
    !criterion(outcome);

export const accepted: Criterion = (outcome) => outcome.accepted;
/** The image is nearest to the mean of another class, whatever the thresholds say. */
export const misclassified: Criterion = ({ label, truth }) => label !== truth;
/** An unknown image is accepted: whatever its label, that is wrong. */
export const letIn: Criterion = (outcome) => accepted(outcome) && outcome.truth < 0;
/** The image is nearest to the mean of the class that the attack aimed at. */
export const asTarget: Criterion = ({ label, target }) => label === target;

export const acceptedRight = both(accepted, not(misclassified));
/** The image is accepted as a wrong class, as an attacker of the edge wants. */
export const undetected = both(accepted, misclassified);

/** The rule that keeps a class found by Eq. 9: the deployed one, the paper's (both thresholds), or every class. */
export type Rule = 'kept' | 'keptByPaper' | 'keepAll';

export const reclassified =
  (rule: Rule): Criterion =>
  ({ reclassified: found }) =>
    found !== null && (rule === 'keepAll' || found[rule]);
const foundWrong: Criterion = ({ reclassified: found, truth }) => found?.label !== truth;
export const reclassifiedRight = (rule: Rule) => both(reclassified(rule), not(foundWrong));
/** The search finds a wrong class that is kept, as its attacker wants. */
export const reclassifiedWrong = (rule: Rule) => both(reclassified(rule), foundWrong);
/** Edge or search answer wrongly, as an attacker of either wants. */
export const pipelineRight = (rule: Rule) => either(acceptedRight, reclassifiedRight(rule));
export const pipelineWrong = (rule: Rule) => either(undetected, reclassifiedWrong(rule));
