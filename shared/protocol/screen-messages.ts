import * as z from 'zod';
import { perScore, SCORE_REASONS } from '../score-table.ts';

/** The answers of `POST /screen` for one image, and its errors (RFC 9457). */

const identity = {
  /** The bundle's id. */
  model: z.string(),
  request: z.string(),
};

/** Sent only with `?explain=1` and the permission for it: scores help a black-box attacker. */
export const explanationSchema = z
  .strictObject({
    reason: z.enum([...SCORE_REASONS, 'not-finite', 'unknown-label']).nullable(),
    nearest: z.string(),
    /** The scores that the model computes; null: not a finite number. */
    scores: z.strictObject(perScore(z.number().nullable(), z.number().nullable().optional())),
    /** The threshold of each of these scores for the nearest class; null: the model does not test it. */
    thresholds: z.strictObject(perScore(z.number(), z.number().nullable().optional())),
    /** The share of clean images of the nearest class whose score is at least this one. */
    pValues: z.strictObject(perScore(z.number(), z.number().optional())),
    /** sha256 of the preprocessed tensor (float32, little-endian), to compare preprocessing between machines. */
    tensor: z.string(),
    /** base64 of the reconstruction, float32, little-endian, H*W*C. */
    reconstruction: z.string(),
  })
  .meta({ id: 'Explanation' });

const explain = { explain: explanationSchema.optional() };

/** Verdicts, each a schema with a name: generated clients have a type for each. */
const acceptedSchema = z
  .strictObject({ verdict: z.literal('accepted'), label: z.string(), index: z.int().nonnegative(), ...identity, ...explain })
  .meta({ id: 'Accepted' });

const rejectedSchema = z
  .strictObject({
    verdict: z.literal('rejected'),
    /** Absent if no fallback is configured. `unavailable`: it failed. `rejected`: it did not find a class either. */
    reclassification: z.enum(['unavailable', 'rejected']).optional(),
    ...identity,
    ...explain,
  })
  .meta({ id: 'Rejected' });

const reclassifiedSchema = z
  .strictObject({
    verdict: z.literal('reclassified'),
    label: z.string(),
    index: z.int().nonnegative(),
    by: z.enum(['fallback', 'local']),
    ...identity,
    ...explain,
  })
  .meta({ id: 'Reclassified' });

export const verdictSchema = z.discriminatedUnion('verdict', [acceptedSchema, rejectedSchema, reclassifiedSchema]).meta({ id: 'Verdict' });

/** RFC 9457. `type` is stable: `urn:portcullis:problem:NAME`. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    /** Says what was wrong, what is allowed and what to do. */
    detail: z.string(),
    request: z.string().optional(),
  })
  .meta({ id: 'Problem' });

/** One answer an image, in the order sent; an image that can't be screened has a problem in its place. */
export const batchSchema = z.strictObject({ results: z.array(z.union([verdictSchema, problemSchema])) }).meta({ id: 'Batch' });

/**
 * A JSON batch. `image` is a whole image file as base64; `pixels` is the model's own input as nested numbers (H x W x C,
 * or H x W for one channel) or flat, in [0, 1].
 */
export const batchRequestSchema = z.strictObject({ images: z.array(z.unknown()).min(1) });

/** An item of `images`; parsed after they were counted, as describing a million wrong ones would take seconds. */
export const batchItemSchema = z.union([
  z.strictObject({ image: z.string().min(1) }).meta({ id: 'EncodedImage' }),
  z.strictObject({ pixels: z.array(z.unknown()).min(1) }).meta({ id: 'PixelImage' }),
]);

export type Verdict = z.infer<typeof verdictSchema>;
export type Explanation = z.infer<typeof explanationSchema>;
export type Problem = z.infer<typeof problemSchema>;
