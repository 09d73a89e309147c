import { z } from 'zod';
import { NORMS } from '../../attacks/steps/projection.ts';
import { fitnessSchema } from '../../shared/bundle/fitness-schema.ts';
import { evidenceSchema } from '../../shared/bundle/screening-schema.ts';
import { otherFigureSchema } from '../measure/outcome.ts';
import { certificateSchema } from './certificate-schema.ts';
import { convergenceSchema } from './convergence-schema.ts';
import { count, rate, share } from './rate-schema.ts';

const norm = z.enum(NORMS);

const verdictRates = { acceptedRight: rate, acceptedWrong: rate, rejected: rate };

/** The outcomes of reclassification under one rule; right + wrong + rejectedStill = asked. */
const ruleSchema = z.strictObject({
  ...{ right: rate, wrong: rate, rejectedStill: rate },
  /** Accepted or reclassified rightly (wrongly), of all images rather than of the rejected ones. */
  ...{ pipelineRight: rate, pipelineWrong: rate },
});

const printed = z.number().nullable().default(null);

/** The figures that the paper prints for the same experiment, in per cent; null where it prints none. */
export const paperSchema = z.strictObject({
  ...{ acceptedRight: printed, acceptedWrong: printed, rejected: printed },
  /** The share of the rejected images, by Eq. 9. */
  reclassifiedRight: printed,
  /** The share of all images that are accepted rightly or reclassified rightly. */
  pipelineRight: printed,
  /** Says where the paper prints them, and how its experiment differs. */
  note: z.string().default(''),
});

const partSchema = z.strictObject({
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
  ...{ asked: count, images: count, tried: count },
  /** Time of all its jobs, each on one core. */
  seconds: z.number().nonnegative(),
  /** Shares of the outcomes. */
  ...verdictRates,
  /** Outcomes accepted as the wrong class that the attack aimed at; null where it aimed at none. */
  asTarget: rate.nullable(),
  /** Images with at least one outcome that is accepted and wrong. */
  imagesBroken: rate,
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

/** One attack at several radii, as measured. */
const curveSchema = z.strictObject({
  protocol: z.string(),
  attack: z.string(),
  norm,
  about: z.string(),
  /** The attack returns the image unchanged where it finds nothing: its rejections are those of clean images. */
  orUnchanged: z.boolean(),
  /** `failed`: the attack finds less than at a smaller radius, by more than chance. */
  points: z.array(z.strictObject({ eps: z.number(), ...verdictRates, failed: z.boolean() })),
});

/** Test images under a natural corruption. */
const conditionSchema = z.strictObject({
  name: z.string(),
  severity: z.int().positive(),
  strength: z.number(),
  /** The part's name, which says the strength in words. */
  part: z.string(),
  ...verdictRates,
  /** At least half of the images are accepted and right. */
  usable: z.boolean(),
});

/** Unknown images of a kind; every acceptance is an error. */
const unknownSchema = z.strictObject({
  part: z.string(),
  about: z.string(),
  letIn: rate,
  /** Attacked ones: how many of them get in as they are; null where they were not attacked. */
  asTheyAre: rate.nullable().default(null),
  /** The model was shown images of this kind in training, so others are a harder test. */
  trainedOn: z.boolean(),
});

/** Images broken within each radius; never falls. */
const brokenWithinSchema = z.strictObject({ radii: z.array(z.number()), broken: z.array(count) });

/** An attack that searches for the nearest image that is accepted with a wrong class. */
const securityCurveSchema = z.strictObject({
  protocol: z.string(),
  part: z.string(),
  norm,
  /** It does not use the model's own gradients. */
  blackBox: z.boolean(),
  about: z.string(),
  images: count,
  /** At any radius. */
  found: rate,
  /** Median over the images found. */
  medianRadius: z.number().nullable(),
  curve: brokenWithinSchema,
});

const unitedAttackSchema = z.strictObject({
  protocol: z.string(),
  attack: z.string(),
  about: z.string(),
  /** Ascending; empty for an attack that searches for the nearest broken image. */
  radii: z.array(z.number()),
  /** Images that it was tried on, at any of the radii. */
  tried: count,
  /** Images for which it found the nearest broken image, alone or with others. */
  nearest: count,
});

/** The union of attacks: an image is broken where any of them breaks it, and then at every larger radius. */
const worstSchema = z.strictObject({
  /** The protocol, or `all attacks`. */
  name: z.string(),
  norm,
  /** Images that every attack searching for the nearest broken image was tried on. */
  images: count,
  attacks: z.array(unitedAttackSchema),
  /** `withstood`: not broken, accepted unchanged; `rejectedClean`: not broken, rejected unchanged. */
  at: z.array(z.strictObject({ radius: z.number(), broken: rate, withstood: count, rejectedClean: count })),
  curve: brokenWithinSchema,
});

/** Clean images in the order of their joint score: the share accepted up to it, and the share of those that is wrong. */
const riskCoverageSchema = z.strictObject({
  protocol: z.string(),
  images: count,
  points: z.array(z.strictObject({ jointScore: z.number(), coverage: share, risk: share })),
  /** At the thresholds: joint score 1. */
  operating: z.strictObject({ coverage: rate, risk: rate }),
});

const scatterSchema = z.strictObject({
  /** Null for clean images. */
  norm: norm.nullable(),
  /** ln(score / threshold of the label): above 0 the test rejects. */
  points: z.array(z.strictObject({ latent: z.number(), reconstruction: z.number(), verdict: z.enum(['right', 'wrong', 'rejected']) })),
});

const galleryEntrySchema = z.strictObject({
  image: count,
  truth: z.int(),
  label: z.int(),
  accepted: z.boolean(),
  reason: z.string().nullable(),
  radius: z.number().nullable(),
  /** Base64 of levels 0 to 255, [H, W, C]; null where there is none. */
  ...{ clean: z.string().nullable(), attacked: z.string(), reconstruction: z.string().nullable() },
});

const gallerySchema = z.strictObject({
  protocol: z.string(),
  part: z.string(),
  /** True for images of another bundle, shown for comparison. */
  otherBundle: z.boolean().default(false),
  entries: z.array(galleryEntrySchema),
});

const checkSchema = z.strictObject({
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
    ...{ name: z.string(), id: z.string(), modelId: z.string(), classes: z.array(z.string()) },
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
    ...{ trained: z.string(), exported: z.string() },
    /** Time of one core. */
    seconds: z.number().nonnegative(),
  }),
  parts: z.array(partSchema),
  conditions: z.array(conditionSchema).default([]),
  unknown: z.array(unknownSchema).default([]),
  curves: z.array(curveSchema),
  security: z.array(securityCurveSchema),
  worst: z.array(worstSchema),
  convergence: z.array(convergenceSchema).default([]),
  certificates: z.array(certificateSchema).default([]),
  riskCoverage: riskCoverageSchema.nullable(),
  scatter: z.array(scatterSchema),
  galleries: z.array(gallerySchema),
  others: z.array(otherFigureSchema),
  /** Is the bundle fit to deploy, by these figures and by those that it keeps? */
  fitness: fitnessSchema.optional(),
  sanity: z.array(checkSchema),
});

export type Report = z.infer<typeof reportSchema>;
export type Paper = z.infer<typeof paperSchema>;
export type PartFigures = Report['parts'][number];
export type RuleFigures = z.infer<typeof ruleSchema>;
export type Condition = Report['conditions'][number];
export type UnknownKind = Report['unknown'][number];
export type Curve = Report['curves'][number];
export type BrokenWithin = z.infer<typeof brokenWithinSchema>;
export type SecurityCurve = Report['security'][number];
export type Convergence = z.infer<typeof convergenceSchema>;
export type Worst = Report['worst'][number];
export type Certificate = Report['certificates'][number];
export type RiskCoverage = z.infer<typeof riskCoverageSchema>;
export type Scatter = Report['scatter'][number];
export type Gallery = Report['galleries'][number];
export type Check = Report['sanity'][number];
