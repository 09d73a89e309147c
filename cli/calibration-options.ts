import { type Command, Option, type OptionValues } from 'commander';
import { type CalibrationOptions, defaultCalibration } from '../trainer/calibrate.ts';
import { type Outcomes, percent } from '../trainer/outcomes.ts';
import { share } from './run-command.ts';

/**
 * Adds the options that `pnpm train` and `pnpm calibrate` have in common.
 *
 * @param instead what the help says rather than the defaults, where those are a run's own
 */
export function withCalibrationOptions(program: Command, instead?: string): Command {
  const option = (flags: string, description: string, given: string | number) => new Option(flags, description).default(given, instead);
  const choice = (flags: string, description: string, choices: string[], given: string) =>
    option(flags, description, given).choices(choices);
  return program
    .addOption(choice('--calibration <method>', 'how thresholds are set', ['conformal', 'three-sigma'], defaultCalibration.method))
    .addOption(choice('--guarantee <kind>', 'over all images, or in every class', ['marginal', 'per-class'], defaultCalibration.guarantee))
    .addOption(option('--alpha <share>', 'false-rejection rate to promise', defaultCalibration.alpha).argParser(share))
    .addOption(option('--delta <share>', 'probability with which it may not hold', defaultCalibration.delta).argParser(share))
    .addOption(choice('--covariance <kind>', 'of the latent test', ['diagonal', 'spherical', 'full'], defaultCalibration.covariance));
}

/** What was chosen, from the parsed options. */
export function calibrationOf(options: OptionValues): CalibrationOptions {
  const { calibration: method, guarantee, alpha, delta, covariance } = options;
  return { method, guarantee, alpha, delta, covariance };
}

/** What was chosen on the command line; the rest as a run has it. */
export function calibrationOver(own: CalibrationOptions, program: Command): CalibrationOptions {
  const given = (name: string) => program.getOptionValueSource(name) === 'cli';
  const chosen = Object.entries(calibrationOf(program.opts())).filter(([name]) => given(name === 'method' ? 'calibration' : name));
  return { ...own, ...Object.fromEntries(chosen) };
}

/** Outcomes as one line. */
export function outcomesLine(
  { images, nearestRight, acceptedRight, acceptedWrong, rejected }: Outcomes,
  split: 'test' | 'validation',
): string {
  const [nearest, accuracy, error, rejection] = [nearestRight, acceptedRight, acceptedWrong, rejected].map((n) => percent(n, images));
  return (
    `on ${images} ${split} images: without thresholds ${nearest} % right; ` +
    `with: accuracy ${accuracy}, error ${error}, rejection ${rejection}`
  );
}
