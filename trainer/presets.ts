import { z } from 'zod';
import type { Dataset } from './data/dataset.ts';
import { architectureSchema } from './model/architecture.ts';

export const trainingSchema = z.strictObject({
  architecture: architectureSchema,
  epochs: z.int().positive(),
  batchSize: z.int().positive(),
  /** Peak of the learning rate: linear warm-up over the first tenth of the steps, then linear decay to 2 % of it. */
  learningRate: z.number().positive(),
  /** Adam's decay of the second moment. A short training gains by a shorter memory. */
  adamBeta2: z.number().positive().lt(1).default(0.999),
  /** Weight of the latent term of Eq. 7. */
  latentWeight: z.number().positive(),
  /** Variance of the noise on the latent in training, Eq. 7's epsilon. */
  encoderNoise: z.number().nonnegative(),
  /** Random shift of each training image, in pixels each way. */
  maxShift: z.int().nonnegative(),
});

export type Training = z.infer<typeof trainingSchema>;

/** What a preset says beside the architecture, which depends on the images. */
type Preset = Omit<Training, 'architecture'> & {
  width: number;
  dense: number;
  /** Of few images more epochs, until the weights have had this many steps. */
  leastSteps: number;
};

/** `quick` ends within two minutes on two slow cores; `paper` takes what it needs. */
export const presets = {
  quick: {
    width: 16,
    leastSteps: 200,
    dense: 128,
    epochs: 2,
    batchSize: 128,
    learningRate: 6e-3,
    adamBeta2: 0.99,
    latentWeight: 800,
    encoderNoise: 1 / 3000,
    maxShift: 1,
  },
  paper: {
    width: 32,
    leastSteps: 2000,
    dense: 128,
    epochs: 12,
    batchSize: 128,
    learningRate: 2e-3,
    adamBeta2: 0.99,
    latentWeight: 100,
    encoderNoise: 1 / 3000,
    maxShift: 2,
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

/**
 * A preset for a data set: the architecture by the size of its images and the number of its classes, and the noise by the size of
 * the latent (paper, section 3: a smaller variance for a larger latent; here 1/300 shared out among its dimensions).
 *
 * @param trainImages that the training split has
 * @param epochs instead of the preset's
 * @throws RangeError where the images' size fits no architecture
 */
export function trainingFor(name: PresetName, dataset: Pick<Dataset, 'input' | 'classes'>, trainImages: number, epochs?: number): Training {
  const { width, dense, leastSteps, ...preset } = presets[name];
  const leastEpochs = Math.ceil(leastSteps / Math.ceil(trainImages / preset.batchSize));
  const latentDim = Math.max(2, dataset.classes.length);
  return {
    ...preset,
    architecture: { filters: filtersFor(dataset.input, width), dense: Math.max(dense, 2 * latentDim), latentDim },
    encoderNoise: preset.encoderNoise * Math.min(1, 10 / latentDim),
    epochs: epochs ?? Math.max(preset.epochs, leastEpochs),
  };
}

/** Halved until 8 or less is left of each side, the channels doubled each time, up to four times the first. */
function filtersFor({ height, width }: Dataset['input'], first: number): number[] {
  const halvings = Math.max(1, Math.ceil(Math.log2(Math.max(height, width) / 8)));
  if (height % 2 ** halvings !== 0 || width % 2 ** halvings !== 0) {
    const near = (side: number) => Math.max(1, Math.round(side / 2 ** halvings)) * 2 ** halvings;
    throw new RangeError(`images of ${height} x ${width} can't be halved ${halvings} times; ${near(height)} x ${near(width)} can`);
  }
  return Array.from({ length: halvings }, (_, i) => first * Math.min(4, 2 ** i));
}
