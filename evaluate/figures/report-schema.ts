import { z } from 'zod';
import { fitnessSchema } from '../../shared/bundle/fitness-schema.ts';
import { otherFigureSchema } from '../measure/outcome.ts';
import {
  type brokenWithinSchema,
  conditionSchema,
  count,
  curveSchema,
  norm,
  partSchema,
  rateSchema,
  type ruleSchema,
  securityCurveSchema,
  share,
  worstSchema,
} from './figure-schemas.ts';

/** Clean images in the order of their joint score: the share accepted up to it, and the share of those that is wrong. */
const riskCoverageSchema = z.strictObject({
  protocol: z.string(),
  images: count,
  points: z.array(z.strictObject({ jointScore: z.number(), coverage: share, risk: share })),
  /** At the thresholds: joint score 1. */
  operating: z.strictObject({ coverage: rateSchema, risk: rateSchema }),
});

const scatterSchema = z.strictObject({
  /** Null for clean images. */
  norm: norm.nullable(),
  /** ln(score / threshold of the label): above 0 the test rejects. */
  points: z.array(
    z.strictObject({
      latent: z.number(),
      reconstruction: z.number(),
      verdict: z.enum(['right', 'wrong', 'rejected']),
    }),
  ),
});

const gallerySchema = z.strictObject({
  protocol: z.string(),
  part: z.string(),
  /** True for images of another bundle, shown for comparison. */
  otherBundle: z.boolean().default(false),
  entries: z.array(
    z.strictObject({
      image: count,
      truth: z.int(),
      label: z.int(),
      accepted: z.boolean(),
      reason: z.string().nullable(),
      radius: z.number().nullable(),
      /** Base64 of levels 0 to 255, [H, W, C]; null where there is none. */
      clean: z.string().nullable(),
      attacked: z.string(),
      reconstruction: z.string().nullable(),
    }),
  ),
});

export const checkSchema = z.strictObject({
  name: z.string(),
  /** Where it fails: `attack`, that attack's figures prove nothing; `report`, no figure of the report can be trusted. */
  of: z.enum(['attack', 'report']),
  /** Null where it was not run. */
  passed: z.boolean().nullable(),
  detail: z.string(),
});

/**
 * The schema of `report.json`, which holds every figure of an evaluation. `report.html` and the bundle's evidence are made from this object
 * and from nothing else.
 */
export const reportSchema = z.strictObject({
  version: z.literal(1),
  model: z.strictObject({
    name: z.string(),
    id: z.string(),
    modelId: z.string(),
    classes: z.array(z.string()),
    input: z.strictObject({ height: count, width: count, channels: count }),
  }),
  provenance: z.strictObject({
    portcullis: z.string(),
    /** The seed of the evaluation. */
    seed: z.int(),
    backend: z.string(),
    /** Sha256 of the attacks' source. */
    attacks: z.string(),
    dataset: z.string(),
    /** Sha256 of each data file. */
    data: z.record(z.string(), z.string()),
    trained: z.string(),
    exported: z.string(),
    /** Time of one core. */
    seconds: z.number().nonnegative(),
  }),
  parts: z.array(partSchema),
  conditions: z.array(conditionSchema).default([]),
  curves: z.array(curveSchema),
  security: z.array(securityCurveSchema),
  worst: z.array(worstSchema),
  riskCoverage: riskCoverageSchema.nullable(),
  scatter: z.array(scatterSchema),
  galleries: z.array(gallerySchema),
  others: z.array(otherFigureSchema),
  /** Is the bundle fit to deploy, by these figures and by those that it keeps? */
  fitness: fitnessSchema.optional(),
  sanity: z.array(checkSchema),
});

export type PartFigures = z.infer<typeof partSchema>;
export type RuleFigures = z.infer<typeof ruleSchema>;
export type Condition = z.infer<typeof conditionSchema>;
export type Curve = z.infer<typeof curveSchema>;
export type BrokenWithin = z.infer<typeof brokenWithinSchema>;
export type SecurityCurve = z.infer<typeof securityCurveSchema>;
export type Worst = z.infer<typeof worstSchema>;
export type RiskCoverage = z.infer<typeof riskCoverageSchema>;
export type Scatter = z.infer<typeof scatterSchema>;
export type Gallery = z.infer<typeof gallerySchema>;
export type Check = z.infer<typeof checkSchema>;
export type Report = z.infer<typeof reportSchema>;
