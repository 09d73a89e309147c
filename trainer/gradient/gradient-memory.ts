import type { Screening } from '../../shared/screening-schema.ts';
import type { Architecture } from '../model/architecture.ts';

/** What a thread works on, in memory shared with the one that trains. */
export interface GradientThreadData {
  architecture: Architecture;
  input: Screening['input'];
  latentWeight: number;
  /** STATE, and the number of images of the part. */
  control: Int32Array<SharedArrayBuffer>;
  /** All weights, one after the other. */
  weights: Float32Array<SharedArrayBuffer>;
  images: Float32Array<SharedArrayBuffer>;
  targets: Float32Array<SharedArrayBuffer>;
  noise: Float32Array<SharedArrayBuffer>;
  /** The answer: all gradients, one after the other, then reconstruction, latent, total. */
  answer: Float32Array<SharedArrayBuffer>;
}

export const STATE = { starting: 0, idle: 1, work: 2, done: 3, failed: 4, end: 5 } as const;
