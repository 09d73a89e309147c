import type { Preprocess, Screening } from '../shared/bundle/screening-schema.ts';
import type { Reason, ReclassifyDecision } from '../shared/decision/decide.ts';
import type { Scores } from '../shared/decision/scores.ts';
import type { Reasons } from '../shared/screening/explain.ts';
import type { ImageProblem } from './images.ts';

/** A class of the model. */
export interface Label {
  /** Its name. */
  label: string;
  /** Its place in `info.classes`. */
  index: number;
}

/** The image is like the training images of a class: let it through. */
export interface Accepted extends Label {
  verdict: 'accepted';
  scores: Scores;
}

/** A test failed: do not let the image through. */
export interface Rejected {
  verdict: 'rejected';
  /** The first test that failed. */
  reason: Reason;
  /** The class whose mean is nearest. Not a verdict: the image may be of no class at all. */
  nearest: Label | null;
  scores: Scores;
}

/** There is no image to judge: do not let it through. */
export interface Unreadable {
  verdict: 'unreadable';
  problem: ImageProblem;
  /** Says what is wrong, what is allowed and what to do. */
  detail: string;
}

/** The verdict on an image. Only `accepted` lets it through. */
export type ScreenResult = Accepted | Rejected | Unreadable;

/** The search found a class whose best reconstruction explains the image. */
export interface Reclassified extends Label {
  verdict: 'reclassified';
  scores: Scores;
}

/** The search found no class, or two that explain the image about equally well. */
export interface RejectedStill extends Omit<Rejected, 'reason'> {
  reason: Exclude<ReclassifyDecision, { accepted: true }>['reason'];
}

/** The result of the search of Eq. 9. */
export type ReclassifyResult = Reclassified | RejectedStill | Unreadable;

/** The settings of one search. */
export interface ReclassifyOptions {
  /** The least error of the best latent of another class, as a multiple of the winner's. Default: 1.1. */
  minMargin?: number;
  /** Takes the label whatever its scores are: only where no unknown images come. */
  keepAll?: boolean;
}

/** A verdict with what led to it. */
export type Explained =
  | Unreadable
  | ((Accepted | Rejected) & {
      /** Scores, thresholds of the nearest class and p-values. */
      reasons: Reasons;
      /** The model's input, [H, W, C] in [0, 1]: what the model sees of the image. */
      input: Float32Array;
      /** g(f(x)), [H, W, C]. */
      reconstruction: Float32Array;
      /** f(x), as long as the model's `latentDim`. */
      latent: Float32Array;
    });

/** The model and the runtime of a screener. */
export interface ScreenerInfo {
  /** Names the screening function: the model with its thresholds. */
  id: string;
  name: string;
  classes: readonly string[];
  /** The shape of the model's input. */
  input: Screening['input'];
  preprocess: Preprocess;
  runtime: string;
  /** Where the runtime computes, such as `wasm`, `webgpu`, `cpu`. */
  provider: string;
  /** Why that is not the provider that was asked for; absent if it is. */
  instead?: string;
  /** The whole description of the bundle: means, thresholds, calibration, evidence. */
  screening: Screening;
}
