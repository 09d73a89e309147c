import { z } from 'zod';
import { augmentationSchema } from './data/augment.ts';
import { classCounts, type Dataset } from './data/dataset.ts';
import { type Architecture, architectureSchema, checkSize, type Shape } from './model/architecture.ts';
import { architectures, stridedFor } from './model/architectures.ts';

export const trainingSchema = z.strictObject({
  architecture: architectureSchema,
  epochs: z.int().positive(),
  /** Epochs without a smaller loss on the validation split after which it stops; 0: never. */
  patience: z.int().nonnegative(),
  batchSize: z.int().positive(),
  /** Peak of the learning rate: linear warm-up over the first tenth of the steps, then linear decay to 2 % of it. */
  learningRate: z.number().positive(),
  /** Adam's decay of the second moment. A short training gains by a shorter memory. */
  adamBeta2: z.number().positive().lt(1),
  /** Decay, a step, of the running average of the weights, which is what is kept; 0: the weights themselves. */
  averageDecay: z.number().min(0).lt(1),
  /** Weight of the latent term of Eq. 7. */
  latentWeight: z.number().positive(),
  /** Variance of the noise on the latent in training, Eq. 7's epsilon; not used where the entropy is variable. */
  encoderNoise: z.number().nonnegative(),
  augmentation: augmentationSchema,
  /**
   * Outlier exposure: to each batch so many images for each of its own are added that are of no class, whose latent is drawn to the
   * origin, as far from every mean as from the others; 0: none.
   */
  outliers: z.number().min(0).max(1),
  /** Semi-supervised: so many training images of each class have labels (Eq. 7), the others none (Eq. 3). null: all have. */
  labelsPerClass: z.int().positive().nullable(),
  /** `balanced`: each class has the same weight in the loss, up to ten times that of an image of the largest. */
  classWeights: z.enum(['none', 'balanced']),
});

export type Training = z.infer<typeof trainingSchema>;

/** What a preset says beside the architecture, which depends on the images. */
interface Preset extends Omit<Training, 'architecture' | 'labelsPerClass' | 'classWeights'> {
  /** By the larger side of the images; others are halved until 8 or less is left, from `width` channels on. */
  shapes: Record<number, Shape>;
  width: number;
  /** Of few images more epochs, until the weights have had this many steps. */
  leastSteps: number;
}

const { 'small-28': small28, 'deep-28': deep28, 'deep-32': deep32, 'strided-128': strided128 } = architectures;

/** `quick` ends within a minute on two cores; `paper` takes what it needs. */
export const presets = {
  quick: {
    shapes: { 28: small28 },
    width: 8,
    leastSteps: 200,
    epochs: 2,
    patience: 0,
    batchSize: 128,
    learningRate: 6e-3,
    adamBeta2: 0.99,
    averageDecay: 0.99,
    latentWeight: 800,
    encoderNoise: 1 / 3000,
    augmentation: { shift: 1, rotation: 0, scale: 0, shear: 0 },
    outliers: 1 / 8,
  },
  paper: {
    shapes: { 28: deep28, 32: deep32, 128: strided128 },
    width: 16,
    leastSteps: 2000,
    epochs: 12,
    patience: 8,
    batchSize: 128,
    learningRate: 2e-3,
    adamBeta2: 0.99,
    averageDecay: 0.999,
    latentWeight: 400,
    encoderNoise: 1 / 3000,
    augmentation: { shift: 2, rotation: 12, scale: 0.12, shear: 0.15 },
    outliers: 1 / 8,
  },
} satisfies Record<string, Preset>;

/** Larger batches need gigabytes, and learn no faster. */
const LARGEST_BATCH = 4096;

/** In an image of those that the presets' weights were chosen on. */
const MNIST_VALUES = 28 * 28;

export type PresetName = keyof typeof presets;

/** What may be said instead of a preset's own. */
export interface TrainingChoices {
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  latentWeight?: number;
  patience?: number;
  architecture?: Shape;
  entropy?: Architecture['entropy'];
  /** At least the number of classes, which is the default. */
  latentDim?: number;
  outliers?: number;
  labelsPerClass?: number;
  /** By default `balanced` where the largest class has more than twice the images of the smallest. */
  classWeights?: Training['classWeights'];
}

/**
 * A preset for a data set: the architecture by the size of its images and the number of its classes, and the noise by the size of
 * the latent (paper, section 3: a smaller variance for a larger latent; here 1/300 shared out among its dimensions).
 *
 * @param trainLabels of the images in the training split
 * @throws RangeError where the images' size fits no architecture, or a choice does not fit the data
 */
export function trainingFor(
  name: PresetName,
  dataset: Pick<Dataset, 'input' | 'classes'>,
  trainLabels: ArrayLike<number>,
  choices: TrainingChoices = {},
): Training {
  const { shapes, width, leastSteps, ...preset } = presets[name] as Preset;
  const { architecture: chosen, entropy = 'constant', latentDim: wanted, labelsPerClass = null, classWeights, epochs, ...others } = choices;
  const { input, classes } = dataset;
  const counts = classCounts(trainLabels, classes.length);
  const latentDim = wanted ?? Math.max(2, classes.length);
  if (latentDim < classes.length)
    throw new RangeError(
      `a latent of ${latentDim} dimensions is too small for ${classes.length} classes; ${classes.length} or more are needed`,
    );
  const least = Math.min(...counts);
  if (labelsPerClass !== null && labelsPerClass > least)
    throw new RangeError(
      `${labelsPerClass} labels a class are more than there are: ${classes[counts.indexOf(least)]} has ${least} training images`,
    );
  const shape = chosen ?? shapes[Math.max(input.height, input.width)] ?? stridedFor(input, width);
  checkSize(shape, input);
  const batchSize = others.batchSize ?? preset.batchSize;
  if (others.batchSize !== undefined && batchSize > Math.min(LARGEST_BATCH, trainLabels.length))
    throw new RangeError(
      `a batch of ${batchSize} images is too large; ${Math.min(LARGEST_BATCH, trainLabels.length)} are the most (there are ${trainLabels.length} training images)`,
    );
  if (labelsPerClass !== null && batchSize < 2)
    throw new RangeError('a semi-supervised batch has images with labels and without; a batch size of 2 or more is needed');
  const steps = Math.ceil(trainLabels.length / preset.batchSize);
  return {
    ...preset,
    // The reconstruction's part of the loss grows with the number of values in an image; so that the latent's is not lost beside it.
    latentWeight: preset.latentWeight * Math.sqrt(Math.max(1, (input.height * input.width * input.channels) / MNIST_VALUES)),
    ...others,
    architecture: { ...shape, dense: chosen ? shape.dense : Math.max(shape.dense, 2 * latentDim), latentDim, entropy },
    encoderNoise: preset.encoderNoise * Math.min(1, 10 / latentDim),
    epochs: epochs ?? Math.max(preset.epochs, Math.ceil(leastSteps / steps)),
    labelsPerClass,
    classWeights: classWeights ?? (Math.max(...counts) > 2 * least ? 'balanced' : 'none'),
  };
}
