import { z } from 'zod';
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

/** `quick` ends within two minutes on two slow cores; `paper` takes what it needs. */
export const presets = {
  quick: {
    architecture: { filters: [16, 32], dense: 128, latentDim: 10 },
    epochs: 2,
    batchSize: 128,
    learningRate: 6e-3,
    adamBeta2: 0.99,
    latentWeight: 800,
    encoderNoise: 1 / 3000,
    maxShift: 1,
  },
  paper: {
    architecture: { filters: [32, 64], dense: 256, latentDim: 10 },
    epochs: 12,
    batchSize: 128,
    learningRate: 2e-3,
    adamBeta2: 0.999,
    latentWeight: 100,
    encoderNoise: 1 / 3000,
    maxShift: 2,
  },
} satisfies Record<string, Training>;

export type PresetName = keyof typeof presets;
