import { type Command, Option, type OptionValues } from 'commander';
import { type Guarantee, guaranteeSchema, preprocessSchema } from '../shared/bundle/screening-schema.ts';
import { CHOSEN_SCORES, type ChosenScore, DEFAULT_SCORES } from '../shared/score-table.ts';
import { UsageError } from '../shared/user-error.ts';
import { LARGEST_SIDE, type PreprocessChoice } from '../trainer/data/dataset.ts';
import { type DataSource, datasets } from '../trainer/data/datasets.ts';
import { backgroundOf } from '../trainer/data/folder/choose-preprocess.ts';
import { type CalibrationChoices, type CalibrationOptions, defaultCalibration } from '../trainer/run-config.ts';
import { callersPath, checkDataFolder } from './paths.ts';

/** Descriptions of options that several commands have. */
export const RUN_OPTION = ['--run <name>', 'run in runs/ (default: the latest trained one)'] as const;
export const MOVED_DATA_OPTION = ['--data-dir <folder>', "folder of the run's data set, if it was moved", callersPath] as const;
export const UNKNOWN_DIR =
  'folder of images that belong to none of your classes: half for training, a quarter to choose by, a quarter for the report';
export const MODEL_OPTION = ['--model <name>', 'name in models/, or a folder (default: the active model, else mnist)'] as const;

/** Parses a share such as 0.015. @throws UsageError */
export function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new UsageError(`${text} is not a share; a number more than 0 and less than 1 is needed, such as 0.015`);
}

/** Parses a whole number. @throws UsageError */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${text} is not a whole number of 0 or more`);
}

/** Parses a whole number of 1 or more. @throws UsageError */
export function positive(text: string): number {
  const value = wholeNumber(text);
  if (value >= 1) return value;
  throw new UsageError(`${text} is too small; a whole number of 1 or more is needed`);
}

/** Returns a parser of whole numbers from 1 to `most`, which throws a UsageError. */
export function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = positive(text);
    if (value <= most) return value;
    throw new UsageError(`${text} is too large; a whole number of 1 to ${most} is needed`);
  };
}

/** Parses a number above 0. @throws UsageError */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${text} is not a number above 0`);
}

/** Adds the options that choose a data set. */
export function withDataOptions(program: Command): Command {
  return program
    .addOption(
      new Option('--data <name>', 'data set; images: your own folder, with a folder of images for each class (docs/data.md)')
        .choices([...datasets.keys()])
        .default('mnist'),
    )
    .option('--data-dir <folder>', 'folder of the data set (MNIST comes with the project)', callersPath, process.env.DATA_DIR)
    .option('--image-size <n>', 'height and width to which the images of a folder are resized (default: 64)', upTo(LARGEST_SIDE))
    .addOption(new Option('--channels <n>', 'channels of the images of a folder (default: 3)').choices(['1', '3']))
    .option('--labels <file>', 'CSV of file,label for the images of a folder (default: its labels.csv, if it has one)', callersPath)
    .addOption(
      new Option(
        '--fit <kind>',
        'pad images of a folder, crop them around the centre, or distort them (default: chosen from the images)',
      ).choices([...preprocessSchema.shape.fit.options]),
    )
    .option(
      '--background <colour>',
      'black, white, #rrggbb, or mean, the mean colour of the images; behind transparency and in padding (default: chosen from them)',
      backgroundOption,
    )
    .addOption(
      new Option('--polarity <kind>', 'invert the images of a folder; auto: if they are dark on light').choices([
        'as-is',
        'inverted',
        'auto',
      ]),
    );
}

/** Parses a colour. @throws UsageError */
function backgroundOption(text: string): PreprocessChoice['background'] {
  const known: Record<string, PreprocessChoice['background']> = { black: 0, white: 255, mean: 'mean' };
  const [, ...hex] = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text) ?? [];
  const [red, green, blue] = hex.map((digits) => Number.parseInt(digits, 16));
  if (red !== undefined && green !== undefined && blue !== undefined) return backgroundOf([red, green, blue]);
  if (Object.hasOwn(known, text)) return known[text];
  throw new UsageError(`${text} is not a colour; black, white, mean or #rrggbb is allowed, such as #f0f0e8`);
}

/** Returns the data set that the parsed options choose. @throws UsageError */
export function dataSourceOf({ data, dataDir, imageSize, channels, labels, fit, background, polarity }: OptionValues): DataSource {
  checkDataFolder(data, dataDir);
  const preprocess = Object.entries({ fit, background, polarity }).filter(([, value]) => value !== undefined);
  return {
    dataset: data,
    dataDir: dataDir === undefined ? null : callersPath(dataDir),
    imageSize: imageSize ?? null,
    channels: channels === undefined ? null : channels === '1' ? 1 : 3,
    ...(labels === undefined ? {} : { labels }),
    ...(preprocess.length === 0 ? {} : { preprocess: Object.fromEntries(preprocess) }),
  };
}

/**
 * Adds the options of a calibration.
 *
 * @param defaults shown in the help in place of the default values, for a command whose defaults are a run's own
 */
export function withCalibrationOptions(program: Command, defaults?: string): Command {
  const option = (flags: string, description: string, value: string | number) => new Option(flags, description).default(value, defaults);
  const choice = (flags: string, description: string, choices: string[], value: string) =>
    option(flags, description, value).choices(choices);
  const { method, guarantee, alpha, delta, covariance } = defaultCalibration;
  return program
    .addOption(choice('--calibration <method>', 'method that sets the thresholds', ['conformal', 'three-sigma'], method))
    .addOption(choice('--guarantee <kind>', 'promise over all images, or in every class', ['marginal', 'per-class'], guarantee))
    .addOption(option('--alpha <share>', 'false-rejection rate to promise', alpha).argParser(share))
    .addOption(option('--delta <share>', 'probability that the promise does not hold', delta).argParser(share))
    .addOption(
      new Option('--covariance <kind>', 'covariances of the latent test; shared: one threshold for all classes')
        .default(undefined, defaults ?? `${covariance}; shared with --preset robust and for many images of strokes`)
        .choices(['diagonal', 'spherical', 'full', 'shared']),
    )
    .option(
      '--scores <names>',
      `scores that a conformal calibration tests besides the paper's two: none, or of ${CHOSEN_SCORES.join(',')} ` +
        `(default: ${defaults ?? DEFAULT_SCORES.join(',')})`,
      optionalScores,
    )
    .option(
      '--strict <norm:radius>',
      'strict mode, such as linf:0.1: no two images within the radius of each other are accepted as different classes; none: off ' +
        `(default: ${defaults ?? 'none'})`,
      guaranteeOption,
    );
}

/** Parses a guarantee, or `none` as null. @throws UsageError */
function guaranteeOption(text: string): Guarantee | null {
  if (text === 'none') return null;
  const [norm, radius = '', ...rest] = text.split(':');
  const parsed = guaranteeSchema.safeParse({ norm, radius: radius.trim() === '' ? Number.NaN : Number(radius) });
  if (parsed.success && rest.length === 0) return parsed.data;
  throw new UsageError(`${text} is not a guarantee; linf:RADIUS with a radius between 0 and 1 is allowed, such as linf:0.1, or none`);
}

/** Parses names of optional scores, separated by commas, or `none`. @throws UsageError */
function optionalScores(text: string): ChosenScore[] {
  const names = text === 'none' ? [] : text.split(',');
  const unknown = names.find((name) => !CHOSEN_SCORES.some((score) => score === name));
  if (unknown === undefined) return CHOSEN_SCORES.filter((score) => names.includes(score));
  throw new UsageError(
    `${JSON.stringify(unknown)} is not an optional score. Name some of ${CHOSEN_SCORES.join(', ')}, separated by commas, or none.`,
  );
}

/** Returns the calibration that the parsed options choose. @throws UsageError */
export function calibrationOf(options: OptionValues): CalibrationChoices {
  const { calibration: method, guarantee, alpha, delta, covariance, scores, strict } = options;
  if (method === 'three-sigma' && scores !== undefined)
    throw new UsageError("--scores does not apply to --calibration three-sigma: the paper's thresholds are those of its two scores");
  if (strict && method === 'three-sigma')
    throw new UsageError("--strict needs --calibration conformal: the paper's thresholds can't be set for a guarantee");
  if (strict && covariance === 'full') throw new UsageError('--strict needs --covariance shared, spherical or diagonal');
  return { method, guarantee, alpha, delta, covariance, scores: scores ?? DEFAULT_SCORES, ...(strict ? { strict } : {}) };
}

/** Returns a run's calibration with the choices of the command line in place of its own. @throws UsageError */
export function calibrationOver(own: CalibrationOptions, program: Command): CalibrationOptions {
  const { method: calibration, scores, ...others } = own;
  const given = Object.entries(program.opts()).filter(([name]) => program.getOptionValueSource(name) === 'cli');
  const chosen = Object.fromEntries(given) as OptionValues;
  const choices = calibrationOf({ calibration, ...others, ...chosen });
  return { ...choices, covariance: choices.covariance ?? own.covariance, scores: chosen.scores ?? scores };
}
