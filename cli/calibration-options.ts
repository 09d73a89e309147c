import { type Command, Option, type OptionValues } from 'commander';
import { type CalibrationOptions, defaultCalibration } from '../trainer/calibrate.ts';
import { type Outcomes, percent } from '../trainer/outcomes.ts';
import { share } from './run-command.ts';

/** Adds the options that `pnpm train` and `pnpm calibrate` have in common. */
export function withCalibrationOptions(program: Command): Command {
  const choice = (flags: string, description: string, choices: string[], given: string) =>
    new Option(flags, description).choices(choices).default(given);
  return program
    .addOption(choice('--calibration <method>', 'how thresholds are set', ['conformal', 'three-sigma'], defaultCalibration.method))
    .addOption(choice('--guarantee <kind>', 'over all images, or in every class', ['marginal', 'per-class'], defaultCalibration.guarantee))
    .option('--alpha <share>', 'false-rejection rate to promise', share, defaultCalibration.alpha)
    .option('--delta <share>', 'probability with which it may not hold', share, defaultCalibration.delta)
    .addOption(choice('--covariance <kind>', 'of the latent test', ['diagonal', 'spherical', 'full'], defaultCalibration.covariance));
}

/** What was chosen, from the parsed options. */
export function calibrationOf(options: OptionValues): CalibrationOptions {
  const { calibration: method, guarantee, alpha, delta, covariance } = options;
  return { method, guarantee, alpha, delta, covariance };
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
