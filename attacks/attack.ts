import type * as tf from '@tensorflow/tfjs';
import type { Guarantee, Screening, Thresholds } from '../shared/bundle/screening-schema.ts';
import { precisionsOf } from '../shared/decision/latent-space.ts';
import type { Norm } from './steps/projection.ts';

/** `transfer`: the gradients are those of another model. */
export type Knowledge = 'white-box' | 'black-box' | 'transfer';

/**
 * `fixed radius`: the attack stays within a radius that it is given. `minimum norm`: it looks for the nearest image that succeeds.
 * `unconstrained`: nothing bounds the perturbation, and the image that the attack ends with counts whatever its distance.
 */
export type Kind = 'fixed radius' | 'minimum norm' | 'unconstrained';

/**
 * An attack with its options set, as in foolbox. A new one is a file that exports such an object (or a function that makes it from
 * options) and a line in `list.ts`; protocols, figures and reports read these fields.
 */
export interface Attack<Model = AttackedModel> {
  /** Names the attack in reports, without norm and radius. */
  name: string;
  knowledge: Knowledge;
  /** Null where there is no image to stay near. */
  norm: Norm | null;
  kind: Kind;
  /** Gradients an image at most, or queries for a black-box attack. */
  cost: number;
  /** The budget in words, for reports. */
  about: string;
  /** `import.meta.url` of the attack's file: a result counts as done only while this file and its imports are unchanged. */
  source: string;
  /**
   * `every`: each candidate is an outcome. `best`: an image's outcome is its nearest candidate that the exported graphs accept as a wrong
   * class, or the image itself where there is none.
   */
  counts: 'every' | 'best';
  /** Each candidate is to be accepted as its own target; any other class is no full success. */
  targeted?: true;
  /**
   * Attacks a batch of images.
   *
   * @param images [N, H, W, C] flat, in [0, 1]
   * @param labels the true class of each
   * @param radius in the attack's norm; ignored by attacks that have none
   * @param seeds one for each image, so that its result does not depend on the batch
   */
  run(model: Model, images: Float32Array, labels: number[], radius: number, seeds: number[]): Promise<Candidates>;
}

/** The images that an attack made: any number for each image that it was given. */
export interface Candidates {
  /** [M, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  /** The place in the batch of the image that each was made from. */
  of: number[];
  /** The class that each is meant to be accepted as; absent where any wrong class will do. */
  targets?: number[];
  /** Queries for each image of the batch, for a black-box attack. */
  queries?: number[];
}

/** The part of a model that an attack on the encoder alone uses. */
export interface EncoderModel {
  /** image [N, H, W, C] → latent [N, d] */
  encoder: tf.LayersModel;
  means: number[][];
  input: Screening['input'];
}

/** Both halves of a model, which give gradients, and every number of the decision. */
export interface GradientModel extends EncoderModel {
  /** latent [N, d] → image [N, H, W, C] */
  decoder: tf.LayersModel;
  covariances: Screening['covariances'];
  /** Sigma_y^-1 where the covariances are full, else null. */
  precisions: number[][][] | null;
  thresholds: Thresholds;
  relativeErrorOffset: number;
  /** Of strict mode. */
  guarantee?: Guarantee | undefined;
  /** Weights of the search's objective beside the reconstruction error; 0 in bundles of older exports. */
  search: { priorWeight: number; encoderWeight: number };
}

/**
 * Finds images that the attacker owns and that are accepted as a class. An attack from outside begins at them.
 *
 * @param image [H, W, C] flat, in [0, 1]
 * @returns at most `count` images, nearest to `image` first, each with its distance (l2)
 */
export type StartingPoints = (image: Float32Array, label: number, count: number) => Promise<{ image: Float32Array; distance: number }[]>;

/** The deployed model's answer about one image. */
export interface Answer {
  accepted: boolean;
  /** The class it is accepted as. Where scores are shown this is the nearest class, for rejected images too; otherwise null for those. */
  label: number | null;
  /** log(score / threshold of that class) of each test, the latent distance first; null where scores are not shown. */
  logRatios: number[] | null;
}

/** Answers about flat images in [0, 1], one after the other: all that an attacker without the model has. */
export type Oracle = (images: Float32Array) => Promise<Answer[]>;

/**
 * Everything that an attacker may use: gradients, own images, and answers of the deployed model. `knowledge` says which of it an attack
 * uses.
 */
export interface AttackedModel extends GradientModel {
  startingPoints: StartingPoints;
  /** @param feedback `scores`: with scores and thresholds, as the scope `explain` sees them; `verdicts`: the verdict alone */
  oracle(feedback: 'scores' | 'verdicts'): Oracle;
}

/**
 * Puts a model that gives gradients and the decision in `screening.json` together.
 *
 * @param model as it was trained, or rebuilt from the bundle
 */
export function gradientModel(model: { encoder: tf.LayersModel; decoder: tf.LayersModel }, screening: Screening): GradientModel {
  const { means, covariances, thresholds, relativeErrorOffset, guarantee, input } = screening;
  const precisions = covariances.kind === 'full' ? precisionsOf(covariances, screening.latentDim) : null;
  const { search = { priorWeight: 0, encoderWeight: 0 } } = screening.provenance;
  const { encoder, decoder } = model;
  return { encoder, decoder, means, covariances, precisions, thresholds, relativeErrorOffset, guarantee, search, input };
}

/** Candidates of an attack that makes one of each image. */
export const oneOfEach = (images: Float32Array, { length }: readonly unknown[]): Candidates => ({
  images,
  of: Array.from({ length }, (_, i) => i),
});
