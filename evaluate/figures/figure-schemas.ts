import { z } from 'zod';
import { NORMS } from '../../attacks/ball.ts';

/** What `report.json` says of attacks: counts, curves and unions. */

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const norm = z.enum(NORMS);

/** A count of so many, and the 95 % interval of Clopper and Pearson, as shares. */
export const rateSchema = z.strictObject({ count, of: count, low: share, high: share });

/** What became of the rejected under one rule; right + wrong + rejectedStill = asked. */
export const ruleSchema = z.strictObject({
  right: rateSchema,
  wrong: rateSchema,
  rejectedStill: rateSchema,
  /** of all images, not of the rejected alone: accepted or reclassified rightly, accepted or reclassified wrongly */
  pipelineRight: rateSchema,
  pipelineWrong: rateSchema,
});

/** What the paper prints for the same experiment, in per cent; null where it does not say. */
export const paperSchema = z.strictObject({
  acceptedRight: z.number().nullable().default(null),
  acceptedWrong: z.number().nullable().default(null),
  rejected: z.number().nullable().default(null),
  /** of the rejected, by Eq. 9 */
  reclassifiedRight: z.number().nullable().default(null),
  /** accepted right and reclassified right, of all */
  pipelineRight: z.number().nullable().default(null),
  /** where it says so, and how its experiment differs */
  note: z.string().default(''),
});

export const partSchema = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  /** what it is and costs: gradients, restarts, targets */
  about: z.string(),
  /** null where its outcomes are of several */
  attack: z.string().nullable(),
  norm: norm.nullable(),
  eps: z.number().nullable(),
  /** images that were asked for, that were measured, and outcomes (several an image where each class is a target) */
  asked: count,
  images: count,
  tried: count,
  /** of all its jobs, each on one core */
  seconds: z.number().nonnegative(),
  /** of what was tried */
  acceptedRight: rateSchema,
  acceptedWrong: rateSchema,
  rejected: rateSchema,
  /** of what was tried, accepted as the wrong class that each was to be; null where any would do */
  asTarget: rateSchema.nullable(),
  /** images of which at least one outcome is accepted and wrong */
  imagesBroken: rateSchema,
  /** how many each test rejected */
  reasons: z.record(z.string(), count),
  /** what Eq. 9 made of the rejected, by the rule that is deployed, by the paper's (both thresholds) and with every label taken; null where it was not asked */
  reclassified: z.strictObject({ asked: count, kept: ruleSchema, keptByPaper: ruleSchema, keepAll: ruleSchema }).nullable(),
  /** asked of the door, an image */
  queries: z.strictObject({ median: z.number(), most: count }).nullable(),
  paper: paperSchema.nullable(),
});

/** One attack at several radii, as it came out: a larger one may find less, which marks the attack as failed there. */
export const curveSchema = z.strictObject({
  protocol: z.string(),
  attack: z.string(),
  norm,
  about: z.string(),
  /** where it finds none it answers with the image as it was: its rejections are those of clean images */
  orUnchanged: z.boolean(),
  points: z.array(
    z.strictObject({
      eps: z.number(),
      acceptedRight: rateSchema,
      acceptedWrong: rateSchema,
      rejected: rateSchema,
      /** found less than at a smaller radius, by more than chance */
      failed: z.boolean(),
    }),
  ),
});

/** Images broken within each radius; never falls. */
export const brokenWithinSchema = z.strictObject({ radii: z.array(z.number()), broken: z.array(count) });

/** An attack that looks for the nearest accepted-and-wrong image. */
export const securityCurveSchema = z.strictObject({
  protocol: z.string(),
  part: z.string(),
  norm,
  /** without the model's own gradients */
  blackBox: z.boolean(),
  about: z.string(),
  images: count,
  /** at any radius */
  found: rateSchema,
  /** of those found */
  medianRadius: z.number().nullable(),
  curve: brokenWithinSchema,
});

/** The union, per image, of attacks: broken where any of them breaks it, and then at every larger radius. */
export const worstSchema = z.strictObject({
  /** the protocol, or `all attacks` */
  name: z.string(),
  norm,
  /** those that every attack that looks for the nearest image was tried on; the others' are added where they were */
  images: count,
  attacks: z.array(
    z.strictObject({
      protocol: z.string(),
      attack: z.string(),
      about: z.string(),
      /** at which it was run, ascending; none where it looks for the nearest image */
      radii: z.array(z.number()),
      /** of the images, at any of them */
      tried: count,
      /** where it is the one, or one of those, that found the nearest image */
      nearest: count,
    }),
  ),
  at: z.array(
    z.strictObject({
      radius: z.number(),
      broken: rateSchema,
      /** not broken: accepted as they are, and rejected as they are */
      withstood: count,
      rejectedClean: count,
    }),
  ),
  curve: brokenWithinSchema,
});
