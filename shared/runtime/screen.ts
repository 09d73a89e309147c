import type { Scores } from '../decision/scores.ts';
import type { GraphScore, OptionalScore, RequiredScore } from '../score-table.ts';

/** The outputs of screen.onnx for a batch, in the order in which its images were written. */
export type ScreenOutput = Record<RequiredScore, Float32Array> & { [name in GraphScore & OptionalScore]?: Float32Array } & {
  label: BigInt64Array;
  latent: Float32Array;
  /** Present only if it was asked for. */
  reconstruction?: Float32Array;
};

/** Writes an image of a batch into the graph's input, [H, W, C] in [0, 1]; returns false to leave it out. */
export type WriteImage = (image: number, input: Float32Array) => unknown;

/** Screens up to `most` images. They are written in order, right into the graph's input, and before the call returns. */
export type Screen = (write: WriteImage, most: number, explain: boolean) => Promise<ScreenOutput>;

/** Searches for the best latent of an image, [H, W, C] in [0, 1], and returns its scores. */
export type LocalSearch = (image: Float32Array) => Promise<Scores>;
