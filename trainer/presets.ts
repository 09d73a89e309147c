import { z } from 'zod';
import { UsageError } from '../shared/user-error.ts';
import { augmentationSchema } from './data/augment.ts';
import { LIGHT, lightSchema } from './data/augment-light.ts';
import { classCounts, type Dataset } from './data/dataset.ts';
import { FIRST_KINDS, STROKE_KINDS, unknownKinds } from './data/unknown/kinds.ts';
import { showsStrokes } from './data/unknown/look.ts';
import { type Architecture, architectureSchema, architectures, checkSize, type Shape, stridedFor } from './model/architecture.ts';
import { outlierLossSchema } from './model/loss.ts';
import { type Certified, type Robustness, robustnessSchema } from './robust/robustness.ts';

const outlierKindsSchema = z.record(
  z.string().refine((name) => unknownKinds.has(name), `a kind of unknown images is needed: ${[...unknownKinds.keys()].join(', ')}`),
  z.int().positive(),
);

export const trainingSchema = z.strictObject({
  architecture: architectureSchema,
  epochs: z.int().positive(),
  /** Epochs without a smaller validation loss after which training stops; 0: never. */
  patience: z.int().nonnegative(),
  batchSize: z.int().positive(),
  /** Peak of the learning rate, after a linear warm-up; then it decays linearly to 2 % of the peak. */
  learningRate: z.number().positive(),
  /** Share of the steps over which the learning rate grows. */
  warmUp: z.number().min(0).lt(1).default(0.1),
  /** Adam's decay of the second moment. A short training gains from a shorter memory. */
  adamBeta2: z.number().positive().lt(1),
  /** Decay per step of the running average of the weights, which is what a training keeps; 0: the weights themselves. */
  averageDecay: z.number().min(0).lt(1),
  /** Weight of the latent term of Eq. 7. */
  latentWeight: z.number().positive(),
  /** Variance of Eq. 7's epsilon, the noise on the latent in training; not used where the entropy is variable. */
  encoderNoise: z.number().nonnegative(),
  augmentation: augmentationSchema,
  /** Changes of light, optics, sensor and file (`--augment light`). Runs of older versions have none. */
  light: lightSchema.nullable().default(null),
  /** Outlier exposure: the number of unknown images that are added to a batch, for each of its own. 0: none. */
  outliers: z.number().min(0).max(1),
  /** The kinds of these images (`data/unknown/kinds.ts`), and how often each is made, in shares of their sum. */
  outlierKinds: outlierKindsSchema.default(FIRST_KINDS),
  /** Their loss: `origin` draws their latents to the origin, which is equally far from every mean. */
  outlierLoss: outlierLossSchema.default({ kind: 'origin' }),
  /**
   * Semi-supervised: the number of training images of each class that have labels (Eq. 7); the others have none (Eq. 3). null: all have.
   */
  labelsPerClass: z.int().positive().nullable(),
  /** Robust training: images are attacked in each step (`robust/`). null: they are not. */
  robust: robustnessSchema.nullable().default(null),
  /** `balanced`: each class has the same weight in the loss, but an image weighs at most 10 (1 in a class of average size). */
  classWeights: z.enum(['none', 'balanced']),
});

export type Training = z.infer<typeof trainingSchema>;

/** The settings of outlier exposure. */
type Exposure = Pick<Training, 'outliers' | 'outlierKinds' | 'outlierLoss'> &
  Partial<Pick<Training, 'augmentation' | 'latentWeight' | 'epochs' | 'learningRate'>>;

/** Robust training's settings beside its budgets (docs/robustness.md). */
const ROBUST: Omit<Robustness, 'budget' | 'certified'> = {
  excess: { linf: 1.1, l2: 1.3 },
  ...{ l2Share: 0.4, steps: 3, ramp: 0.35, rejectWeight: 2, attackedWeight: 2 },
  outliers: { share: 0.5, radius: 1 / 3 },
};

/** Three steps within the ball never find in l2 what hundreds do (docs/robustness.md). */
const SHRINKING: Robustness['shrinking'] = {
  ...{ steps: 5, shrinkShare: 0.7, neighbours: 0.85 },
  reach: { least: 1.4, most: 2.6 },
  stepLength: { least: 0.4, most: 0.8 },
};

/**
 * Settings of training for a certificate beside its radius. Its images are not attacked: inner attacks within a larger radius cost bounds,
 * and within the same radius the bounds' loss is already the larger (docs/robustness.md).
 */
const CERTIFIED: Omit<Certified, 'radius'> = { excess: 1.3, weight: 1, margin: 0.2 };

/**
 * The budgets of robust training by the look of the images: [0, 1] per value for linf, root of the sum of squares for l2; and the radius in
 * linf of certified training.
 */
const BUDGETS = {
  strokes: { linf: 0.3, l2: 1.5, certified: 0.1, why: 'for images of strokes on a plain background' },
  colour: {
    linf: 2 / 255,
    l2: 0.25,
    certified: 2 / 255,
    why: 'for photographs; objects before a plain background bear twice that: --linf 4/255',
  },
  others: { linf: 0.1, l2: 0.75, certified: 0.05, why: 'for grey images' },
};

/** Says which changes a robust training withstands, and why these. */
export function aboutBudget({ budget: { linf, l2 }, steps, certified }: Robustness): string {
  const usual = Object.values(BUDGETS).find((budget) => budget.linf === linf && budget.l2 === l2);
  const radius = (of: number) => (of < 0.05 ? `${round(255 * of)}/255` : round(of));
  const attacks = `against changes within linf ${radius(linf)} or l2 ${round(l2)} (${usual ? usual.why : 'as asked'}; --linf, --l2)`;
  const proofs = certified ? `for proofs within linf ${radius(certified.radius)} (--certified-radius)` : null;
  return [...(steps > 0 ? [attacks] : []), ...(proofs ? [proofs] : [])].join('; ');
}
const round = (value: number) => Number(value.toPrecision(3));

export const OUTLIER_LOSSES = {
  origin: { kind: 'origin' },
  margin: { kind: 'margin', margin: 0.9, temperature: 0.1, weight: 0.2 },
} satisfies Record<string, Training['outlierLoss']>;

const FIRST_EXPOSURE: Exposure = { outliers: 1 / 8, outlierKinds: FIRST_KINDS, outlierLoss: OUTLIER_LOSSES.origin };

/** For images in colour. One's own images are moved less (docs/unknown.md). */
const COLOUR_EXPOSURE: Exposure = { ...FIRST_EXPOSURE, augmentation: { shift: 1, rotation: 5, scale: 0.05, shear: 0.05 } };

/**
 * For images of strokes on a plain background (docs/unknown.md). One's own images are moved less: an encoder that accepts what is off
 * centre accepts halves too.
 */
const STROKE_EXPOSURE: Exposure = {
  outliers: 1 / 2,
  outlierKinds: STROKE_KINDS,
  outlierLoss: OUTLIER_LOSSES.margin,
  augmentation: { shift: 1, rotation: 10, scale: 0.1, shear: 0.12, still: 0.25 },
  latentWeight: 1600,
  epochs: 24,
};

/** Of few images, such as letters of 60 fonts, three times as many unknown ones get in with the weaker pull (docs/unknown.md). */
const FEW_STROKES: Exposure = { ...STROKE_EXPOSURE, outlierLoss: { ...OUTLIER_LOSSES.margin, weight: 0.05 } };

/** A preset, without what depends on the images. */
interface Preset
  extends Omit<
    Training,
    'architecture' | 'labelsPerClass' | 'classWeights' | 'light' | 'outliers' | 'outlierKinds' | 'outlierLoss' | 'robust' | 'warmUp'
  > {
  warmUp?: number;
  /** Null: training is not robust. */
  robust?: Omit<Robustness, 'budget' | 'certified'>;
  /** Null: no bounds in the loss. */
  certified?: Omit<Certified, 'radius'>;
  /** Architectures by the larger side of the images. Images of other sizes are halved down to 8 or less, starting with `width` channels. */
  shapes: Record<number, Shape>;
  width: number;
  /** Outlier exposure, for images of strokes, for images in colour and for others; `fewStrokes` where images of strokes are few. */
  exposure: { strokes: Exposure; fewStrokes?: Exposure; colour: Exposure; others: Exposure };
  /**
   * With few images there are more epochs, so that there are at least this many steps. Of images larger than MNIST's there are fewer, as
   * each takes longer, but as many as the second number.
   */
  leastSteps: readonly [number, number];
  /** For trying out: a model of it is never said to be fit to deploy. */
  trial: boolean;
}

const { 'small-28': small28, 'deep-28': deep28, 'deep-32': deep32, 'strided-128': strided128 } = architectures;
const { 'strided-28': strided28, 'strided-32': strided32 } = architectures;

/** A smaller margin and less weight on unknown images than in other trainings: they push against robustness (docs/robustness.md). */
const ROBUST_MARGIN: Training['outlierLoss'] = { ...OUTLIER_LOSSES.margin, margin: 0.6, outlierWeight: 0.4 };
const ROBUST_STROKES: Exposure = { outliers: 1 / 2, outlierKinds: STROKE_KINDS, outlierLoss: ROBUST_MARGIN };
const ROBUST_OTHERS: Exposure = { ...FIRST_EXPOSURE, outlierLoss: ROBUST_MARGIN };

/** Unknown images weigh half as much as in robust training: they cost bounds too. */
const CERTIFIED_STROKES: Exposure = { ...ROBUST_STROKES, outlierLoss: { ...ROBUST_MARGIN, outlierWeight: 0.2 } };

const robust = {
  trial: false,
  shapes: { 28: deep28, 32: strided32, 128: strided128 },
  width: 16,
  leastSteps: [10_000, 6000] as const,
  epochs: 14,
  patience: 0,
  batchSize: 128,
  learningRate: 2.5e-3,
  warmUp: 0.3,
  adamBeta2: 0.99,
  averageDecay: 0.999,
  latentWeight: 1600,
  encoderNoise: 1 / 3000,
  augmentation: { shift: 1, rotation: 5, scale: 0.05, shear: 0.05, still: 0.5 },
  exposure: { strokes: ROBUST_STROKES, colour: ROBUST_OTHERS, others: ROBUST_OTHERS },
  robust: { ...ROBUST, shrinking: SHRINKING },
} satisfies Preset;

/** `quick` ends within a minute on two cores; `paper` takes the time it needs. */
export const presets = {
  quick: {
    trial: true,
    shapes: { 28: small28 },
    width: 8,
    leastSteps: [780, 200],
    epochs: 2,
    patience: 0,
    batchSize: 128,
    learningRate: 6e-3,
    adamBeta2: 0.99,
    averageDecay: 0.99,
    latentWeight: 800,
    encoderNoise: 1 / 3000,
    augmentation: { shift: 1, rotation: 0, scale: 0, shear: 0 },
    exposure: {
      // In two epochs of many images the margin costs accuracy (docs/unknown.md); few are seen more often, and overfitted by large steps.
      strokes: FIRST_EXPOSURE,
      fewStrokes: { ...FEW_STROKES, epochs: 2, learningRate: 2e-3 },
      colour: FIRST_EXPOSURE,
      others: FIRST_EXPOSURE,
    },
  },
  paper: {
    trial: false,
    shapes: { 28: deep28, 32: deep32, 128: strided128 },
    width: 16,
    leastSteps: [3500, 3500],
    epochs: 12,
    patience: 8,
    batchSize: 128,
    learningRate: 2e-3,
    adamBeta2: 0.99,
    averageDecay: 0.999,
    latentWeight: 400,
    encoderNoise: 1 / 3000,
    augmentation: { shift: 2, rotation: 12, scale: 0.12, shear: 0.15 },
    exposure: { strokes: STROKE_EXPOSURE, fewStrokes: FEW_STROKES, colour: COLOUR_EXPOSURE, others: FIRST_EXPOSURE },
  },
  robust,
  // Bounds loosen with each layer.
  certified: {
    ...robust,
    leastSteps: [7000, 6000],
    shapes: { ...robust.shapes, 28: strided28 },
    exposure: { ...robust.exposure, strokes: CERTIFIED_STROKES },
    robust: { ...ROBUST, steps: 0 },
    certified: CERTIFIED,
  },
} satisfies Record<string, Preset>;

/** Larger batches need gigabytes, and learn no faster. */
const LARGEST_BATCH = 4096;

/** Values in an image of MNIST, on which the presets' latent weights were chosen. */
const MNIST_VALUES = 28 * 28;

export type PresetName = keyof typeof presets;

/** Says whether a preset is for trying out. */
export const isTrial = (preset: string): boolean => (presets as Record<string, Preset>)[preset]?.trial === true;

/** Returns a preset's architecture for images of a size, with constant entropy. */
export function architectureFor(name: PresetName, input: Dataset['input'], latentDim: number): Architecture {
  const { shapes, width } = presets[name] as Preset;
  const shape = shapes[Math.max(input.height, input.width)] ?? stridedFor(input, width);
  return { ...shape, dense: Math.max(shape.dense, 2 * latentDim), latentDim, entropy: 'constant' };
}

/** Settings that may replace a preset's. */
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
  /** Budgets of robust training; l2 follows linf where only that is given. */
  linf?: number;
  l2?: number;
  /** The radius in linf of certified training. */
  certifiedRadius?: number;
  /** `light`: changes of light, optics, sensor and file too. */
  augment?: 'none' | 'light';
  outlierLoss?: keyof typeof OUTLIER_LOSSES;
  /** Kinds of outliers that are left out, to measure on. */
  withoutKinds?: string[];
  labelsPerClass?: number;
  /** By default `balanced` where the largest class has more than twice the images of the smallest. */
  classWeights?: Training['classWeights'];
}

/**
 * Adapts a preset to a data set: the architecture to the size of its images and the number of its classes, the noise to the size of the
 * latent (paper, section 3: a smaller variance for a larger latent; here 1/300 is divided among its dimensions).
 *
 * @param trainLabels labels of the images in the training split
 * @throws UsageError where a choice does not fit the data; RangeError where no architecture fits the images' size
 */
export function trainingFor(
  name: PresetName,
  dataset: Pick<Dataset, 'input' | 'classes'> & Partial<Pick<Dataset, 'train'>>,
  trainLabels: ArrayLike<number>,
  choices: TrainingChoices = {},
): Training {
  const { leastSteps, exposure, shapes: _, width: __, trial: ___, robust, certified, warmUp = 0.1, ...preset } = presets[name] as Preset;
  const {
    architecture: chosen,
    entropy = 'constant',
    latentDim: wanted,
    labelsPerClass = null,
    classWeights,
    epochs,
    augment,
    withoutKinds = [],
    outlierLoss: chosenLoss,
    linf,
    l2,
    certifiedRadius,
    ...others
  } = choices;
  const { input, classes, train } = dataset;
  const counts = classCounts(trainLabels, classes.length);
  const latentDim = wanted ?? Math.max(2, classes.length);
  if (latentDim < classes.length)
    throw new UsageError(`--latent: ${latentDim} dimensions are too few for ${classes.length} classes; use ${classes.length} or more`);
  const least = Math.min(...counts);
  if (labelsPerClass !== null && labelsPerClass > least)
    throw new UsageError(
      `--labels-per-class: ${labelsPerClass} are too many: class ${classes[counts.indexOf(least)]} has only ${least} training images`,
    );
  const architecture: Architecture = { ...architectureFor(name, input, latentDim), ...chosen, entropy };
  checkSize(architecture, input);
  const batchSize = others.batchSize ?? preset.batchSize;
  const largest = Math.min(LARGEST_BATCH, trainLabels.length);
  if (others.batchSize !== undefined && batchSize > largest)
    throw new UsageError(
      `--batch-size: ${batchSize} images are too many; at most ${largest} are allowed (there are ${trainLabels.length} training images)`,
    );
  if (labelsPerClass !== null && batchSize < 2)
    throw new UsageError('--batch-size: a semi-supervised batch holds images with and without labels; use 2 or more');
  if (robust) checkRobust(choices);
  if (!robust?.steps && (linf !== undefined || l2 !== undefined))
    throw new UsageError(`--linf and --l2: the preset ${name} trains against no attack; use --preset robust`);
  if (certifiedRadius !== undefined && !certified)
    throw new UsageError(`--certified-radius: the preset ${name} has no bounds in its loss; use --preset certified`);
  const steps = Math.ceil(trainLabels.length / preset.batchSize);
  const wrong = withoutKinds.find((kind) => !unknownKinds.has(kind));
  if (wrong !== undefined) throw new RangeError(`${wrong} is not a kind of unknown images; use ${[...unknownKinds.keys()].join(', ')}`);
  const look = train && chosenLoss !== 'origin' && showsStrokes(train, input) ? 'strokes' : input.channels === 3 ? 'colour' : 'others';
  const larger = Math.max(1, (input.height * input.width * input.channels) / MNIST_VALUES);
  const [most, fewest] = leastSteps;
  const leastHere = Math.max(fewest, most / larger);
  const exposed = (look === 'strokes' && steps * preset.epochs < leastHere && exposure.fewStrokes) || exposure[look];
  const usual = exposed.epochs ?? preset.epochs;
  // Where few images are gone through more often, patience lasts as many steps as it does elsewhere.
  const planned = Math.max(usual, Math.ceil(leastHere / steps));
  // A margin that was asked for is the preset's own where it has one.
  const outlierLoss = chosenLoss && chosenLoss !== exposed.outlierLoss.kind ? OUTLIER_LOSSES[chosenLoss] : exposed.outlierLoss;
  const radius = certified ? (certifiedRadius ?? BUDGETS[look].certified) : null;
  const margin = keepsLastEpoch({ ...exposed, ...others, outlierLoss, patience: 0 });
  const kinds = Object.entries(exposed.outlierKinds).filter(([kind]) => !withoutKinds.includes(kind));
  return {
    ...preset,
    ...exposed,
    outlierKinds: Object.fromEntries(kinds),
    outlierLoss,
    // The reconstruction loss grows with the number of values in an image; the latent loss must keep up.
    latentWeight: (exposed.latentWeight ?? preset.latentWeight) * Math.sqrt(larger),
    ...others,
    architecture,
    encoderNoise: preset.encoderNoise * Math.min(1, 10 / latentDim),
    ...{
      warmUp,
      robust: robust
        ? {
            ...robust,
            // A change of that length in l2 changes no value by more.
            budget: radius === null ? budgetOf(BUDGETS[look], { linf, l2 }) : { linf: radius, l2: radius },
            certified: certified && radius !== null ? { ...certified, radius } : null,
          }
        : null,
    },
    ...{ epochs: epochs ?? planned, patience: others.patience ?? (margin ? 0 : Math.ceil((preset.patience * planned) / usual)) },
    light: augment === 'light' ? LIGHT : null,
    labelsPerClass,
    classWeights: classWeights ?? (Math.max(...counts) > 2 * least ? 'balanced' : 'none'),
  };
}

/** From this weight of a margin on, beside the pull to the means, a class's own spread no longer says how far its images may lie. */
const WEAK_PULL = 0.1;

/** Tells whether all classes are to have one latent threshold: where images are attacked, or kept at a margin with a weak pull to the means. */
export function needsOneThreshold({ outliers, outlierLoss, robust }: Pick<Training, 'outliers' | 'outlierLoss' | 'robust'>): boolean {
  return robust !== null || (outliers > 0 && outlierLoss.kind === 'margin' && outlierLoss.weight >= WEAK_PULL);
}

/**
 * Tells whether a training keeps its last epoch rather than the one with the smallest validation loss. That loss is of images of the classes,
 * not attacked: it is least long before a margin has been learnt (of letters in 60 fonts, at epoch 51 of 438).
 */
export function keepsLastEpoch({ patience, outliers, outlierLoss }: Pick<Training, 'patience' | 'outliers' | 'outlierLoss'>): boolean {
  return patience === 0 && outliers > 0 && outlierLoss.kind === 'margin';
}

/** Refuses what robust training does not do. @throws UsageError */
function checkRobust({ entropy, labelsPerClass, outlierLoss }: TrainingChoices): void {
  const refuse = (option: string, why: string) => {
    throw new UsageError(`${option}: robust training ${why}; use --preset paper, or leave the option out`);
  };
  if (entropy === 'variable') refuse('--entropy variable', 'attacks an encoder of constant entropy');
  if (labelsPerClass !== undefined) refuse('--labels-per-class', 'needs the label of every image');
  if (outlierLoss === 'origin') refuse('--outlier-loss origin', 'keeps unknown images away by a margin');
}

/** @returns the budgets that were asked for; those of the look of the images otherwise, l2 in step with linf */
function budgetOf(usual: Robustness['budget'], { linf, l2 }: Partial<Robustness['budget']>): Robustness['budget'] {
  const radius = linf ?? usual.linf;
  return { linf: radius, l2: l2 ?? (usual.l2 * radius) / usual.linf };
}
