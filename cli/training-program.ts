import { type Command, Option, type OptionValues } from 'commander';
import { backends, choicesOf, MOST_THREADS } from '../trainer/backend/backends.ts';
import { presets } from '../trainer/presets.ts';
import type { Recipe } from '../trainer/run-config.ts';
import { calibrationOf, withCalibrationOptions } from './calibration-options.ts';
import { dataSourceOf, withDataOptions } from './data-options.ts';
import { command, upTo, wholeNumber } from './run-command.ts';
import { trainingChoicesOf, withTrainingOptions } from './training-options.ts';

/** 24 days: AbortSignal.timeout counts milliseconds in 31 bits, and is over at once beyond that. */
const MOST_MINUTES = 35_000;

/** `pnpm train` with all of its options, without what it does. */
export function trainingProgram(): Command {
  return withTrainingOptions(
    withDataOptions(
      withCalibrationOptions(
        command(
          'train',
          'Train a GMVAE, calibrate it, and keep all of it in runs/NAME.',
          '  pnpm train                          the paper preset\n  pnpm train --preset quick           half a minute\n  pnpm train --data-dir ~/mnist --alpha 0.01\n  pnpm train --resume mnist-paper-20260101-120000\n  pnpm train --data images --data-dir photos --image-size 64   a folder of class folders\n  pnpm train --labels-per-class 100   semi-supervised',
        ),
      ),
    ),
  )
    .addOption(new Option('--preset <preset>', 'what to train').choices(Object.keys(presets)).default('paper'))
    .option('--name <name>', 'name of the run (default: data set, preset and time)')
    .option('--seed <n>', 'the one seed of all randomness', wholeNumber, 1)
    .option('--resume <name>', 'go on with a run that was stopped or killed')
    .option('--max-minutes <n>', 'stop after that time, to be resumed', upTo(MOST_MINUTES))
    .addOption(
      new Option('--backend <name>', 'that computes; auto is the fastest that is there').choices(choicesOf(backends)).default('auto'),
    )
    .option(
      '--threads <n>',
      'that share the work on each batch (default: all processors, on wasm at most 4); another number gives other last digits',
      upTo(MOST_THREADS),
    )
    .option('--json', 'print the result as JSON on standard output, progress on standard error');
}

/** What the options ask to be trained. */
export function recipeOf(options: OptionValues): Recipe {
  return {
    calibration: calibrationOf(options),
    preset: options.preset,
    seed: options.seed,
    source: dataSourceOf(options),
    choices: trainingChoicesOf(options),
  };
}

/** What `pnpm train` would make of these arguments. @throws UsageError, CommanderError where it would not take them */
export function recipeOfArguments(args: readonly string[]): Recipe {
  return recipeOf(trainingProgram().parse(args, { from: 'user' }).opts());
}
