import type { ThreadBackend } from '../backend/thread-backend.ts';
import type { LossSetting, Part } from './loss-gradients.ts';

/** What a thread works on, in memory shared with the one that trains. */
export interface GradientThreadData {
  backend: ThreadBackend;
  setting: LossSetting;
  /** STATE, and the number of images of the part. */
  control: Int32Array<SharedArrayBuffer>;
  /** Part.unlabelledWeight */
  unlabelledWeight: Float32Array<SharedArrayBuffer>;
  /** All weights, one after the other. */
  parameters: Float32Array<SharedArrayBuffer>;
  /** The rows of the part, with room for the largest. */
  rows: Record<RowName, Float32Array<SharedArrayBuffer>>;
  /** The answer: the gradient by all parameters, then reconstruction, latent, total. */
  answer: Float32Array<SharedArrayBuffer>;
}

export const STATE = { starting: 0, idle: 1, work: 2, done: 3, failed: 4, end: 5 } as const;

export type RowName = keyof Pick<Part, 'images' | 'targets' | 'noise' | 'labelled' | 'weights' | 'genuine'>;

/** How many values each image has in each kind of row. */
export function rowSizes({ input, training }: LossSetting): Record<RowName, number> {
  const d = training.architecture.latentDim;
  return { images: input.height * input.width * input.channels, targets: d, noise: d, labelled: 1, weights: 1, genuine: 1 };
}

/** The rows of `count` images from `first` on, by `cut`, which takes from and to. */
export function rowsOf<T>(setting: LossSetting, first: number, count: number, cut: (name: RowName, from: number, to: number) => T) {
  const entries = Object.entries(rowSizes(setting)) as [RowName, number][];
  return Object.fromEntries(entries.map(([name, size]) => [name, cut(name, first * size, (first + count) * size)])) as Record<RowName, T>;
}
