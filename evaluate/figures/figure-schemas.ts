import { z } from 'zod';
import { NORMS } from '../../attacks/steps/projection.ts';
import { evidenceSchema } from '../../shared/bundle/screening-schema.ts';
import { paperSchema } from './paper-figures.ts';

/** The schemas of the figures in `report.json` that describe attacks: counts, curves and unions. */

export const count = z.int().nonnegative();
export const share = z.number().min(0).max(1);
export const norm = z.enum(NORMS);

/** A count with the 95 % interval of Clopper and Pearson, as shares. */
export const rateSchema = z.strictObject({ count, of: count, low: share, high: share });

/** The outcomes of reclassification under one rule; right + wrong + rejectedStill = asked. */
export const ruleSchema = z.strictObject({
  right: rateSchema,
  wrong: rateSchema,
  rejectedStill: rateSchema,
  /** Accepted or reclassified rightly, of all images rather than of the rejected ones. */
  pipelineRight: rateSchema,
  pipelineWrong: rateSchema,
});

export const partSchema = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  /** Measured on another bundle, for comparison. */
  otherBundle: z.boolean().default(false),
  /** The attack and its budget: gradients, restarts, targets. */
  about: z.string(),
  /** Null where the outcomes are of several attacks. */
  attack: z.string().nullable(),
  norm: norm.nullable(),
  eps: z.number().nullable(),
  /** Images that were asked for, images that were measured, and outcomes (several an image where each class is a target). */
  asked: count,
  images: count,
  tried: count,
  /** Time of all its jobs, each on one core. */
  seconds: z.number().nonnegative(),
  /** Shares of the outcomes. */
  acceptedRight: rateSchema,
  acceptedWrong: rateSchema,
  rejected: rateSchema,
  /** Outcomes accepted as the wrong class that the attack aimed at; null where it aimed at none. */
  asTarget: rateSchema.nullable(),
  /** Images with at least one outcome that is accepted and wrong. */
  imagesBroken: rateSchema,
  /** The outcomes of each class, by its index; only of clean images. */
  perClass: evidenceSchema.shape.perClass,
  /** Images that each test rejected. */
  reasons: z.record(z.string(), count),
  /** By the deployed rule, by the paper's (both thresholds), and with every label kept; null where no image was searched. */
  reclassified: z.strictObject({ asked: count, kept: ruleSchema, keptByPaper: ruleSchema, keepAll: ruleSchema }).nullable(),
  /** Queries to the model an image, for black-box attacks. */
  queries: z.strictObject({ median: z.number(), most: count }).nullable(),
  paper: paperSchema.nullable(),
});

/** One attack at several radii, as measured: finding less at a larger radius marks the attack as failed there. */
export const curveSchema = z.strictObject({
  protocol: z.string(),
  attack: z.string(),
  norm,
  about: z.string(),
  /** The attack returns the image unchanged where it finds nothing: its rejections are those of clean images. */
  orUnchanged: z.boolean(),
  points: z.array(
    z.strictObject({
      eps: z.number(),
      acceptedRight: rateSchema,
      acceptedWrong: rateSchema,
      rejected: rateSchema,
      /** It finds less than at a smaller radius, by more than chance. */
      failed: z.boolean(),
    }),
  ),
});

/** Test images under a natural corruption. */
export const conditionSchema = z.strictObject({
  name: z.string(),
  severity: z.int().positive(),
  strength: z.number(),
  /** The part's name, which says the strength in words. */
  part: z.string(),
  acceptedRight: rateSchema,
  acceptedWrong: rateSchema,
  rejected: rateSchema,
  /** At least half of the images are accepted and right. */
  usable: z.boolean(),
});

/** Images broken within each radius; never falls. */
export const brokenWithinSchema = z.strictObject({ radii: z.array(z.number()), broken: z.array(count) });

/** An attack that searches for the nearest image that is accepted with a wrong class. */
export const securityCurveSchema = z.strictObject({
  protocol: z.string(),
  part: z.string(),
  norm,
  /** It does not use the model's own gradients. */
  blackBox: z.boolean(),
  about: z.string(),
  images: count,
  /** At any radius. */
  found: rateSchema,
  /** Median over the images found. */
  medianRadius: z.number().nullable(),
  curve: brokenWithinSchema,
});

/** The union of attacks: an image is broken where any of them breaks it, and then at every larger radius. */
export const worstSchema = z.strictObject({
  /** The protocol, or `all attacks`. */
  name: z.string(),
  norm,
  /** Images that every attack searching for the nearest broken image was tried on. */
  images: count,
  attacks: z.array(
    z.strictObject({
      protocol: z.string(),
      attack: z.string(),
      about: z.string(),
      /** Ascending; empty for an attack that searches for the nearest broken image. */
      radii: z.array(z.number()),
      /** Images that it was tried on, at any of the radii. */
      tried: count,
      /** Images for which it found the nearest broken image, alone or with others. */
      nearest: count,
    }),
  ),
  at: z.array(
    z.strictObject({
      radius: z.number(),
      broken: rateSchema,
      /** Not broken: accepted unchanged, or rejected unchanged. */
      withstood: count,
      rejectedClean: count,
    }),
  ),
  curve: brokenWithinSchema,
});
