import { z } from 'zod';
import { NORMS } from '../../attacks/ball.ts';
import {
  type brokenWithinSchema,
  curveSchema,
  type paperSchema,
  partSchema,
  rateSchema,
  type ruleSchema,
  securityCurveSchema,
  worstSchema,
} from './figure-schemas.ts';

/**
 * The schema of `report.json`: every figure that an evaluation gives. `report.html` is made from this object and nothing else, and so
 * is the bundle's evidence.
 */

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const norm = z.enum(NORMS);

/** Clean images, the surest first by the joint score: how many are taken, and how many of those are wrong. */
const riskCoverageSchema = z.strictObject({
  protocol: z.string(),
  images: count,
  points: z.array(z.strictObject({ jointScore: z.number(), coverage: share, risk: share })),
  /** at the thresholds: joint score 1 */
  operating: z.strictObject({ coverage: rateSchema, risk: rateSchema }),
});

const scatterSchema = z.strictObject({
  /** null: clean images */
  norm: norm.nullable(),
  /** ln(score / threshold of the label): beyond 0 the test rejects */
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
  entries: z.array(
    z.strictObject({
      image: count,
      truth: z.int(),
      label: z.int(),
      accepted: z.boolean(),
      reason: z.string().nullable(),
      radius: z.number().nullable(),
      /** base64 of levels, [H, W, C]; null where there is none */
      clean: z.string().nullable(),
      attacked: z.string(),
      reconstruction: z.string().nullable(),
    }),
  ),
});

export const checkSchema = z.strictObject({
  name: z.string(),
  /** `attack`: one that fails is marked, and its figure proves nothing; `report`: what the report says can't be believed */
  of: z.enum(['attack', 'report']),
  /** null: not run */
  passed: z.boolean().nullable(),
  detail: z.string(),
});

/** A figure that is no outcome, such as a Frechet distance. */
export const otherFigureSchema = z.strictObject({
  protocol: z.string(),
  name: z.string(),
  value: z.number(),
  paper: z.number().nullable(),
  about: z.string(),
});

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
    /** of the evaluation */
    seed: z.int(),
    backend: z.string(),
    /** sha256 of the attacks' source */
    attacks: z.string(),
    dataset: z.string(),
    /** sha256 of each data file */
    data: z.record(z.string(), z.string()),
    trained: z.string(),
    exported: z.string(),
    /** seconds of one core */
    seconds: z.number().nonnegative(),
  }),
  parts: z.array(partSchema),
  curves: z.array(curveSchema),
  security: z.array(securityCurveSchema),
  worst: z.array(worstSchema),
  riskCoverage: riskCoverageSchema.nullable(),
  scatter: z.array(scatterSchema),
  galleries: z.array(gallerySchema),
  others: z.array(otherFigureSchema),
  sanity: z.array(checkSchema),
});

export type Rate = z.infer<typeof rateSchema>;
export type Paper = z.infer<typeof paperSchema>;
export type PartFigures = z.infer<typeof partSchema>;
export type RuleFigures = z.infer<typeof ruleSchema>;
export type Curve = z.infer<typeof curveSchema>;
export type BrokenWithin = z.infer<typeof brokenWithinSchema>;
export type SecurityCurve = z.infer<typeof securityCurveSchema>;
export type Worst = z.infer<typeof worstSchema>;
export type RiskCoverage = z.infer<typeof riskCoverageSchema>;
export type Scatter = z.infer<typeof scatterSchema>;
export type Gallery = z.infer<typeof gallerySchema>;
export type Check = z.infer<typeof checkSchema>;
export type OtherFigure = z.infer<typeof otherFigureSchema>;
export type Report = z.infer<typeof reportSchema>;
