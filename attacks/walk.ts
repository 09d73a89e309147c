import type * as tf from '@tensorflow/tfjs';
import type { Look } from './look.ts';

/** How images move within the ball, step by step. */
export interface Walk {
  /**
   * @param at the images now; `best` those of least loss so far, as the losses of `look` already say
   * @returns the next images, before they are brought back into the ball
   */
  step(at: { image: tf.Tensor4D; best: tf.Tensor4D; origin: tf.Tensor4D }, look: Look, step: number): tf.Tensor4D;
  /** Only these rows go on. */
  keep(rows: number[]): void;
  dispose(): void;
}
