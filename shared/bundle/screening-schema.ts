import * as z from 'zod';
import { perScore, perThreshold } from '../score-table.ts';

/**
 * The schema of `screening.json`, the file that makes a set of ONNX graphs a screening function.
 *
 * It holds everything that the verdict depends on, or pins it by its sha256. It has two identities (see `hashes.ts`):
 * - `modelId` names what the graphs compute (weights, graphs, classes, means, covariances, preprocessing). `reclassify.onnx` answers it
 *   as `model_id`; a new calibration does not change it.
 * - `id` names the screening function as deployed: the model *and* its thresholds.
 * `checksum` covers the whole file, so that no digit can change unnoticed.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits (a sha256)');
const finite = z.number();
const positive = finite.positive();
const fileName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'must be a plain file name');
const percentile = finite.min(0).max(1);

const fileEntry = z.strictObject({ file: fileName, sha256, bytes: z.int().positive() });

const level = z.int().min(0).max(255);

export const preprocessSchema = z.strictObject({
  version: z.literal(1),
  /** Conversion of three channels to one; `bt601` is luma (299 R + 587 G + 114 B) / 1000. Only read if the model has one channel. */
  grey: z.enum(['bt601']),
  /** `triangle`: bilinear, widened when shrinking so that no pixel is skipped. */
  resize: z.enum(['triangle']),
  /** `contain` pads with `background`, `cover` crops around the centre; both keep the aspect ratio, `stretch` does not. */
  fit: z.enum(['contain', 'cover', 'stretch']),
  /** Behind transparent pixels and in the padding: a grey level, or the levels of red, green and blue. */
  background: z.union([level, z.tuple([level, level, level])]),
  /** `inverted`: the image is 1 - x (for dark ink on light paper if the model was trained on light on dark). */
  polarity: z.enum(['as-is', 'inverted']),
});

const covariancesSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('spherical'), values: z.array(positive) }),
  z.strictObject({ kind: z.literal('diagonal'), values: z.array(z.array(positive)) }),
  z.strictObject({ kind: z.literal('full'), values: z.array(z.array(z.array(finite))) }),
]);

const thresholds = z.array(finite.nonnegative());
/** Thresholds per predicted class; those of an optional score are absent if the bundle does not test it. */
export const thresholdsSchema = z.strictObject(perThreshold(thresholds, thresholds.optional()));

const quantiles = z.array(z.array(finite));

const calibrationSchema = z.strictObject({
  method: z.enum(['conformal', 'three-sigma']),
  /** Guarantee of the thresholds on clean images: `none` for `three-sigma`. */
  guarantee: z.enum(['marginal', 'per-class', 'none']),
  /** Promised false-rejection rate (conformal), or 1 minus the quantile used (three-sigma). */
  alpha: percentile,
  /** Probability, over the draw of the calibration images, that the promise does not hold; null without a promise. */
  delta: percentile.nullable(),
  /** Number of calibration images. */
  n: z.int().nonnegative(),
  /** Calibration images that the thresholds reject. */
  rejected: z.int().nonnegative(),
  /** Quantiles of the clean scores of each class, for p-values: `latentDistance[class][i]` is the quantile at `levels[i]`. */
  quantiles: z.strictObject({
    levels: z.array(percentile).min(2),
    ...perScore(quantiles, quantiles.optional()),
  }),
});

/**
 * Promise of strict mode: no two images within `radius` of each other, as tensors in [0, 1], are accepted as different classes. The radius
 * is built into screen.onnx; the thresholds that the promise needs are checked whenever the bundle is opened (`bundle/guarantee.ts`).
 */
export const guaranteeSchema = z.strictObject({ norm: z.literal('linf'), radius: positive.lt(1) });

/** An image made by the decoder (never a training image) and the answers of the graphs when they were exported. */
const goldenSchema = z.strictObject({
  /** base64 of little-endian float32, H*W*C values in [0, 1] */
  image: z.base64(),
  label: z.int().nonnegative(),
  latent: z.array(finite),
  ...perScore(finite.nonnegative(), finite.nonnegative().optional()),
});

const count = z.int().nonnegative();
const outcomeCounts = { images: count, acceptedRight: count, acceptedWrong: count, rejected: count };

/** Outcomes as counts; accepted right + accepted wrong + rejected = images. No outcome on unknown images is right. */
export const evidenceSchema = z.strictObject({
  /** Images that were screened, for instance `clean` or `fgsm eps 0.3`. */
  name: z.string().min(1),
  protocol: z.string().min(1),
  /** `id` of the measured bundle. */
  id: sha256,
  ...outcomeCounts,
  /** The outcomes of each class, on clean images; `all` counts its images in the whole data set. */
  perClass: z.array(z.strictObject({ ...outcomeCounts, all: count.optional() })).optional(),
  /** Results of the search on the rejected images; null if it was not run. */
  reclassified: z.strictObject({ right: count, wrong: count, rejectedStill: count }).nullable(),
  /** Treatment of the images and its cost per image (gradients, restarts, targets), for instance of a union of attacks. */
  about: z.string().min(1).optional(),
  /** Unknown images (protocol `unknown`): true where the training was shown images of this kind, so that others are a harder test. */
  trainedOn: z.boolean().optional(),
  /** The ball around the test images that the figures are of, where it is one. */
  within: z.strictObject({ norm: z.enum(['linf', 'l2', 'l0']), radius: positive }).optional(),
  /** True: by a certificate. Then `acceptedWrong` counts the images of which it is not proven impossible, whatever the attack. */
  proven: z.literal(true).optional(),
});

const searchSchema = z.strictObject({
  /** Starts of each stage, and the Adam steps from each. */
  stages: z.array(z.strictObject({ starts: z.int().positive(), steps: count })).min(1),
  encoding: z.boolean(),
  learningRate: positive,
  /** Weights of the mixture's prior and of the encoder's latent beside the reconstruction error; 0 for the paper's Eq. 9. */
  priorWeight: finite.nonnegative(),
  encoderWeight: finite.nonnegative(),
});

const provenanceSchema = z.strictObject({
  portcullis: z.string(),
  dataset: z.string(),
  preset: z.string(),
  seed: z.int(),
  backend: z.string(),
  epochs: z.int().nonnegative(),
  /** sha256 of each data file that was read, by its name. */
  data: z.record(z.string(), z.string()),
  trained: z.iso.datetime(),
  exported: z.iso.datetime(),
  /** Training settings, as in the trainer's presets: architecture, losses, augmentation. Absent for a model from elsewhere. */
  training: z.record(z.string(), z.json()).optional(),
  /** The search in reclassify.onnx (`export/search-options.ts`). Absent in bundles of older exports, whose search is the paper's. */
  search: searchSchema.optional(),
  /** Source of thresholds set on an operator's own images, not on the data set: number, sha256 of the list of their sha256, date. */
  ownCalibration: z.strictObject({ images: count, sha256, date: z.iso.datetime() }).optional(),
});

export const screeningSchema = z.strictObject({
  version: z.literal(1),
  id: sha256,
  modelId: sha256,
  checksum: sha256,
  name: z.string().min(1),
  classes: z.array(z.string().min(1)).min(2),
  input: z.strictObject({
    height: z.int().positive().max(4096),
    width: z.int().positive().max(4096),
    channels: z.union([z.literal(1), z.literal(3)]),
  }),
  latentDim: z.int().min(2),
  preprocess: preprocessSchema,
  means: z.array(z.array(finite)),
  covariances: covariancesSchema,
  thresholds: thresholdsSchema,
  guarantee: guaranteeSchema.optional(),
  /** Added to the image's energy in the relative error, see `scores.ts`. */
  relativeErrorOffset: positive,
  calibration: calibrationSchema,
  golden: goldenSchema,
  evidence: z.array(evidenceSchema),
  /** Mean error of the test images' reconstructions, and of the mean image of their class in place of these. */
  reconstruction: z.strictObject({ own: finite.nonnegative(), classMean: positive }).optional(),
  /** Trained with a preset that is for trying out. */
  trial: z.literal(true).optional(),
  /** Reasons against deploying (`fitness.ts`) that an operator accepted with --force. */
  forced: z.array(z.strictObject({ of: z.string(), what: z.string() })).optional(),
  provenance: provenanceSchema,
  graphs: z.strictObject({
    encoder: fileEntry,
    decoder: fileEntry,
    screen: fileEntry,
    reclassify: fileEntry,
  }),
  /** ONNX external data, shared by the four graphs. */
  weights: fileEntry,
});

export type Screening = z.infer<typeof screeningSchema>;
export type Preprocess = z.infer<typeof preprocessSchema>;
export type Covariances = z.infer<typeof covariancesSchema>;
export type Thresholds = z.infer<typeof thresholdsSchema>;
export type Guarantee = z.infer<typeof guaranteeSchema>;
export type Calibration = z.infer<typeof calibrationSchema>;
export type Evidence = z.infer<typeof evidenceSchema>;
export type GraphName = keyof Screening['graphs'];
