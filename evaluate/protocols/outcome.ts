import { z } from 'zod';
import { NORMS, type Norm } from '../../attacks/steps/projection.ts';

/** The radii at which reports state the undetected error, and at which attacks at a fixed radius are run. */
export const RADII: Record<Norm, number[]> = { linf: [0.05, 0.1, 0.2, 0.3], l2: [0.5, 1, 1.5, 2] };

/**
 * What became of one image under one attack, by the exported graphs: the one form of everything that is measured, as kept in a job's
 * file. Figures are worked out from these and from nothing else.
 */
export const outcomeSchema = z.strictObject({
  /** what was done to the image, with all that matters of how */
  attack: z.string(),
  /** its place among the images of the part: the same number is the same image in all parts of a protocol that begin with test images */
  image: z.int().nonnegative(),
  /** its true class; -1 for an image of nothing, of which every label is wrong */
  truth: z.int(),
  /** the class that the attack wanted; null where any wrong one would do */
  target: z.int().nullable(),
  /** what the attacker might change; null where nothing limits it, or nothing was changed on purpose */
  norm: z.enum(NORMS).nullable(),
  eps: z.number().nullable(),
  /** how far it went from the image, in that norm; null where it was not measured, or no such image was found */
  radius: z.number().nullable(),
  label: z.int(),
  accepted: z.boolean(),
  /** which test rejected it; null where it was accepted */
  reason: z.string().nullable(),
  latentDistance: z.number().nullable(),
  reconstructionError: z.number().nullable(),
  relativeError: z.number().nullable(),
  /** what Eq. 9 made of a rejected image: its label, and whether that is kept by the rule and by the rule of the paper (both thresholds, no margin); null where it was not asked */
  reclassified: z.strictObject({ label: z.int(), kept: z.boolean(), keptByPaper: z.boolean() }).nullable(),
  /** asked of the door, of an attack without gradients */
  queries: z.int().nullable(),
  /** the image as it was screened, base64 of its levels 0 to 255, of the first few only: for galleries */
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
  /** Measured on another bundle, for comparison: it says nothing about this one. */
  otherBundle: z.boolean(),
});

export type Descriptor = z.infer<typeof descriptorSchema>;

/** Completes a descriptor with what holds of most parts. */
export const descriptorOf = (own: Partial<Descriptor> & Pick<Descriptor, 'images'>): Descriptor => ({
  ...{ attack: null, radius: null, reclassifies: false, endpoint: false, unbounded: false, twiceTheStepsOf: null, otherBundle: false },
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
  /** Of the joint decision, log(score / threshold) or a sum of them: the attack succeeds where it is at most 0. */
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

/** What somebody may want of an image: says whether it came so. They compose, and every count of a report is of one of them. */
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
/** Nearest to the mean of another class, whatever the thresholds say. */
export const misclassified: Criterion = ({ label, truth }) => label !== truth;
/** Nearest to the mean of the class that the attack wanted. */
export const asTarget: Criterion = ({ label, target }) => label === target;

export const acceptedRight = both(accepted, not(misclassified));
/** Accepted, and not as what it is: what an attacker of the edge wants. */
export const undetected = both(accepted, misclassified);

/** How a class that Eq. 9 finds for a rejected image is taken: as it is deployed, by the paper's rule (both thresholds), or always. */
export type Rule = 'kept' | 'keptByPaper' | 'keepAll';

export const reclassified =
  (rule: Rule): Criterion =>
  ({ reclassified: found }) =>
    found !== null && (rule === 'keepAll' || found[rule]);
const foundWrong: Criterion = ({ reclassified: found, truth }) => found?.label !== truth;
export const reclassifiedRight = (rule: Rule) => both(reclassified(rule), not(foundWrong));
/** What an attacker of the search wants. */
export const reclassifiedWrong = (rule: Rule) => both(reclassified(rule), foundWrong);
/** Of the edge and the search together: what an attacker of either wants. */
export const pipelineRight = (rule: Rule) => either(acceptedRight, reclassifiedRight(rule));
export const pipelineWrong = (rule: Rule) => either(undetected, reclassifiedWrong(rule));
