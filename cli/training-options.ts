import { readFileSync } from 'node:fs';
import { type Command, Option, type OptionValues } from 'commander';
import { z } from 'zod';
import { parseJsonOrNull } from '../node/files/files.ts';
import { UsageError } from '../shared/user-error.ts';
import { backends, choicesOf, MOST_THREADS } from '../trainer/backend/backends.ts';
import { type ArchitectureName, architectureSchema, architectures, type Shape } from '../trainer/model/architecture.ts';
import { OUTLIER_LOSSES, presets } from '../trainer/presets.ts';
import type { Recipe } from '../trainer/run-config.ts';
import {
  calibrationOf,
  dataSourceOf,
  positive,
  positiveNumber,
  UNKNOWN_DIR,
  upTo,
  wholeNumber,
  withCalibrationOptions,
  withDataOptions,
} from './options.ts';
import { callersPath } from './paths.ts';
import { command } from './run-command.ts';

const ARCHITECTURES = Object.keys(architectures) as ArchitectureName[];

/** 24 days: AbortSignal.timeout counts milliseconds in 31 bits, and fires at once beyond that. */
const MOST_MINUTES = 35_000;

/** Options that replace a preset's own value, but for `--latent`, whose name differs there. */
const CHOICES = [
  ...(['epochs', 'patience', 'batchSize', 'learningRate', 'latentWeight', 'architecture', 'entropy'] as const),
  ...(['linf', 'l2', 'certifiedRadius', 'outliers', 'outlierLoss', 'withoutKinds', 'augment', 'labelsPerClass', 'classWeights'] as const),
];

const EXAMPLES = `  pnpm train                          the paper preset
  pnpm train --preset quick           half a minute
  pnpm train --preset robust          against attacks that know both tests (docs/robustness.md)
  pnpm train --preset certified --strict linf:0.1   also for proofs that hold against every attack
  pnpm train --data-dir ~/mnist --alpha 0.01
  pnpm train --resume mnist-paper-20260101-120000
  pnpm train --resume mnist-paper-20260101-120000 --epochs 20   further than planned
  pnpm train --finish mnist-paper-20260101-120000               no further: with its best epoch
  pnpm train --data images --data-dir photos --image-size 64   a folder of class folders
  pnpm train --labels-per-class 100   semi-supervised`;

/** Returns `pnpm train` with all of its options, without its action. */
export function trainingProgram(): Command {
  const program = command('train', 'Train a GMVAE, calibrate it, and keep the result in runs/NAME.', EXAMPLES);
  return withDataOptions(withCalibrationOptions(program))
    .option('--epochs <n>', "replaces the preset's number, or with --resume the planned number", positive)
    .option(
      '--patience <n>',
      'epochs without a smaller validation loss before the training stops; 0: never, and a training with a margin keeps its last epoch',
      wholeNumber,
    )
    .option('--batch-size <n>', 'images per step', positive)
    .option('--learning-rate <n>', 'peak learning rate', positiveNumber)
    .option('--latent-weight <n>', 'alpha of Eq. 7', positiveNumber)
    .option('--latent <n>', 'dimensions of the latent (default: the number of classes)', positive)
    .option('--architecture <name>', `${ARCHITECTURES.join(', ')}, or a JSON file as in docs/training.md`, architectureOf)
    .addOption(
      new Option('--entropy <kind>', "of the encoder: Eq. 7's constant noise, or an ordinary VAE's").choices(['constant', 'variable']),
    )
    .option('--outliers <share>', 'unknown images added to each batch, 0 to 1 of its size; 0: none', shareOrZero)
    .addOption(
      new Option('--augment <kind>', 'light: images are also dimmed, blurred, noisy and compressed in training and calibration').choices([
        'none',
        'light',
      ]),
    )
    .addOption(
      new Option(
        '--outlier-loss <kind>',
        'loss of unknown images: margin keeps them away from every mean and shows near kinds; origin draws them there ' +
          '(default: margin for images of strokes, else origin)',
      ).choices(Object.keys(OUTLIER_LOSSES)),
    )
    .addOption(new Option('--without-kinds <kinds...>', 'kinds of unknown images to train without, for experiments').hideHelp())
    .option('--linf <radius>', 'with --preset robust: largest change of a value in [0, 1] to withstand, such as .3 or 4/255', fraction)
    .option('--l2 <radius>', 'with --preset robust: the same for the root of the sum of squares (default: in step with --linf)', fraction)
    .option(
      '--certified-radius <radius>',
      'with --preset certified: change of a value within which as many images as possible are proven safe',
      fraction,
    )
    .option('--unknown-dir <folder>', UNKNOWN_DIR, callersPath)
    .option('--no-left-out', 'do not train a small model without some of the classes at the end, to measure how their images get in')
    .option('--labels-per-class <n>', 'semi-supervised: this many images of each class have labels, Eq. 3 trains the others', positive)
    .addOption(
      new Option('--class-weights <kind>', 'in the loss (default: balanced if the sizes of the classes differ by more than 2)').choices([
        'none',
        'balanced',
      ]),
    )
    .addOption(new Option('--preset <preset>', 'settings to start from').choices(Object.keys(presets)).default('paper'))
    .option('--name <name>', 'name of the run (default: data set, preset and time)')
    .option('--seed <n>', 'seed of all randomness', wholeNumber, 1)
    .option('--resume <name>', 'continue a run that was stopped or killed; with --epochs also one that is finished')
    .option('--finish <name>', 'calibrate the best epoch so far of a run that was stopped or killed')
    .option('--max-minutes <n>', 'stop after this time, to be resumed', upTo(MOST_MINUTES))
    .addOption(
      new Option('--backend <name>', 'backend of tfjs; auto is the fastest available').choices(choicesOf(backends)).default('auto'),
    )
    .option(
      '--threads <n>',
      'threads that share each batch (default: all processors, on wasm at most 4); another number changes the last digits',
      upTo(MOST_THREADS),
    )
    .option('--json', 'print the result as JSON on standard output, progress on standard error');
}

/** Returns the training that the parsed options describe. */
export function recipeOf(options: OptionValues): Recipe {
  const given = CHOICES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  return {
    calibration: calibrationOf(options),
    preset: options.preset,
    seed: options.seed,
    source: dataSourceOf(options),
    unknownDir: options.unknownDir ?? null,
    choices: { ...Object.fromEntries(given), ...(options.latent === undefined ? {} : { latentDim: options.latent }) },
  };
}

/** Returns the training that these arguments of `pnpm train` describe. @throws UsageError, CommanderError if it would refuse them */
export function recipeOfArguments(args: readonly string[]): Recipe {
  return recipeOf(trainingProgram().parse(args, { from: 'user' }).opts());
}

/** Parses a number above 0, or a fraction such as 4/255. @throws UsageError */
function fraction(text: string): number {
  const [above, below = '1', ...rest] = text.split('/');
  const value = Number(above) / Number(below);
  if (above?.trim() && below.trim() && rest.length === 0 && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${text} is not a number above 0, or a fraction such as 4/255`);
}

/** Parses a share that may be 0 or 1. @throws UsageError */
function shareOrZero(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new UsageError(`${text} is not a number from 0 to 1`);
}

const shapeSchema = architectureSchema.pick({ encoder: true, decoder: true, dense: true });

/** Reads an architecture. @throws UsageError if the text is neither a name nor a file that describes one */
function architectureOf(text: string): Shape {
  const known = ARCHITECTURES.find((name) => name === text);
  if (known) return architectures[known];
  let content: string;
  try {
    content = readFileSync(text, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${text} is neither an architecture (${ARCHITECTURES.join(', ')}) nor a file that can be read (${(error as Error).message})`,
    );
  }
  const shape = shapeSchema.safeParse(parseJsonOrNull(content));
  if (!shape.success) throw new UsageError(`${text} does not describe an architecture:\n${z.prettifyError(shape.error)}`);
  return shape.data;
}
