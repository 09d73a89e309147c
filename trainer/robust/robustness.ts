import { z } from 'zod';
import type { Random } from '../../shared/random.ts';

/** The settings of training for a certificate (`certified-loss.ts`). */
export const certifiedSchema = z.strictObject({
  /** The radius in linf within which as many images as possible are to be proven safe. */
  radius: z.number().positive(),
  /** The radius in training, as a multiple of it. */
  excess: z.number().positive(),
  /** Weight of the bounds' loss, as a multiple of the cross entropy's on the image itself. */
  weight: z.number().positive(),
  /** What the latent of a class must keep from every other; a certificate needs 1 - sqrt(2 tau). */
  margin: z.number(),
});

export type Certified = z.infer<typeof certifiedSchema>;

const rangeSchema = z.strictObject({ least: z.number().positive(), most: z.number().positive() });

/** The settings of inner attacks in l2 within a ball that shrinks (`shrinking-attack.ts`). */
const shrinkingSchema = z.strictObject({
  /** Gradient steps. */
  steps: z.int().positive(),
  /** Share of them after which the ball has its last radius. */
  shrinkShare: z.number().positive().max(1),
  /** The first radius, as a multiple of the last. */
  reach: rangeSchema,
  /** Length of a step, as a share of the radius that the ball has by then. */
  stepLength: rangeSchema,
  /** Share of these attacks that start at an image of another class. From anywhere else few steps find nothing in l2. */
  neighbours: z.number().min(0).max(1),
});

/** The settings of robust training, beyond those of any other. */
export const robustnessSchema = z.strictObject({
  /** The budgets that the model is trained for, in the units of each norm, images in [0, 1]. */
  budget: z.strictObject({ linf: z.number().positive(), l2: z.number().positive() }),
  /** The largest radii of the inner attack, as multiples of the budgets. */
  excess: z.strictObject({ linf: z.number().positive(), l2: z.number().positive() }),
  /** Share of the images that are attacked in l2; the others are in linf. */
  l2Share: z.number().min(0).max(1),
  /** Gradient steps of the inner attack; 0: no image is attacked. */
  steps: z.int().nonnegative(),
  /** For the images that are attacked in l2. Not given, as in runs of older versions: they are attacked as those in linf. */
  shrinking: shrinkingSchema.optional(),
  /** Share of the training over which the radii grow to their full size. */
  ramp: z.number().min(0).max(1),
  /** Weights of the two losses of an attacked image, as multiples of the cross entropy's on the image itself (`robust-loss.ts`). */
  rejectWeight: z.number().nonnegative(),
  attackedWeight: z.number().nonnegative(),
  /** Share of the outliers that are attacked too, and their radii as a share of the others'. */
  outliers: z.strictObject({ share: z.number().min(0).max(1), radius: z.number().min(0) }),
  /** Interval bounds in the loss; null: none. */
  certified: certifiedSchema.nullable().default(null),
});

export type Robustness = z.infer<typeof robustnessSchema>;

/** Share of the final radii at the first step. */
const FIRST_RADIUS = 0.05;

/** Returns the share of their full size that the radii of the inner attack have at a step. */
export function radiusScaleAt(step: number, steps: number, { ramp }: Robustness): number {
  return Math.min(1, FIRST_RADIUS + ((1 - FIRST_RADIUS) * step) / Math.max(1, ramp * steps));
}

/** The random choices of the inner attack on one image. */
export interface InnerAttack {
  /** A training image of another class, moved into the ball; a random point of the ball; or the image itself. */
  start: 'neighbour' | 'noise' | 'image';
  norm: 'linf' | 'l2';
  /** In the units of the norm; 0 where the image is not attacked. */
  radius: number;
  /** Length of the first step, as a share of the radius. */
  step: number;
  /** The first radius of the ball, as a multiple of the radius; 1 where it does not shrink. */
  reach: number;
  /** Moves only the values of the largest gradient. */
  sparse: boolean;
  /** From a neighbour: goes to the neighbour's class. */
  targeted: boolean;
}

/** Probabilities of the choices, as in recipe F of the notes on robustness: an attack that never varies is learnt by its signature. */
const CHANCE = { neighbour: 0.6, noise: 0.15, fullRadius: 0.7, sparse: 0.2, targeted: 0.6 };
/** Length of the first step, as a share of the radius. */
const STEP = { least: 0.35, most: 1.25 };

/**
 * Draws the choices of one attack; as many numbers are drawn for each image.
 *
 * @param isGenuine false for an outlier
 */
export function drawInnerAttack(robustness: Robustness, isGenuine: boolean, random: Random): InnerAttack {
  const { budget, excess, l2Share, steps, outliers, shrinking } = robustness;
  const [start, norm, full, part, step, sparse, attacked, targeted] = Array.from({ length: 8 }, () => random.uniform()) as [
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  const reach = shrinking ? random.uniform() : 0;
  const by = norm < l2Share ? 'l2' : 'linf';
  const share = steps === 0 ? 0 : isGenuine ? 1 : attacked < outliers.share ? outliers.radius : 0;
  const shrinks = by === 'l2' ? shrinking : undefined;
  const neighbours = shrinks?.neighbours ?? CHANCE.neighbour;
  // Noise keeps its share of what does not start at a neighbour.
  const noise = (CHANCE.noise * (1 - neighbours)) / (1 - CHANCE.neighbour);
  return {
    start: start < neighbours ? 'neighbour' : start < neighbours + noise ? 'noise' : 'image',
    norm: by,
    radius: share * budget[by] * excess[by] * (full < CHANCE.fullRadius ? 1 : 0.3 + 0.7 * part),
    step: within(shrinks?.stepLength ?? STEP, step),
    reach: shrinks ? within(shrinks.reach, reach) : 1,
    sparse: sparse < CHANCE.sparse,
    targeted: targeted < CHANCE.targeted,
  };
}

const within = ({ least, most }: { least: number; most: number }, share: number) => least + (most - least) * share;
