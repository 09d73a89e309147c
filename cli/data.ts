import { dirname } from 'node:path';
import { makeFolder, writeAtomically } from '../node/files/files.ts';
import { projectPath } from '../node/project-folder.ts';
import { imagesNeeded, smallestAlpha } from '../shared/calibration/order-statistic.ts';
import { type Dataset, imagesAt } from '../trainer/data/dataset.ts';
import { inspectDataset } from '../trainer/data/datasets.ts';
import { type Fault, faultText } from '../trainer/data/folder/fault.ts';
import { folderFor, type Splits, splitsOf } from '../trainer/data/splits.ts';
import { contactSheetPng } from '../trainer/report/contact-sheet.ts';
import { defaultCalibration } from '../trainer/run-config.ts';
import { dataSourceOf, share, wholeNumber, withDataOptions } from './options.ts';
import { callersPath } from './paths.ts';
import { duration } from './progress.ts';
import { command, runCommand } from './run-command.ts';

/** Pictures of each class on the contact sheet, and the largest number of classes on it. */
const COLUMNS = 16;
const MOST_CLASSES = 100;
const SPLITS = ['train', 'validation', 'tune', 'calibration', 'test'] as const;

type Counts = { class: string } & Record<keyof Splits, number>;

const program = command(
  'data',
  'Show the images that a training would see, and what is wrong with them.',
  '  pnpm data inspect\n  pnpm data inspect --data-dir photos --image-size 64',
);
withDataOptions(
  program
    .command('inspect')
    .description(
      'Find all faults in a folder of images and say what to do, count the images of each class in each split, and make a contact sheet. ' +
        'Exits with 1 if training would refuse the folder.',
    ),
)
  .option('--seed <n>', 'seed of the splits', wholeNumber, 1)
  .option('--alpha <share>', 'false-rejection rate to promise', share, defaultCalibration.alpha)
  .option('--delta <share>', 'probability that the promise does not hold', share, defaultCalibration.delta)
  .option('--sheet <file>', 'contact sheet to write, a PNG', callersPath, projectPath('runs', 'contact-sheet.png'))
  .option('--no-time', 'do not estimate the training time, which takes a few seconds')
  .option('--json', 'print everything as JSON')
  .action(async (options) => {
    const { form, classes, input, faults, dataset } = await inspectDataset(dataSourceOf(options));
    const found = dataset && (await inspectImages(dataset, options));
    const { counts, ...rest } = found ?? { counts: [] };
    const isFit = dataset !== null;
    if (!isFit) process.exitCode = 1;
    if (options.json) return console.log(JSON.stringify({ isFit, form, classes, input, faults, counts, ...rest }));
    console.log(
      `${dataset?.name ?? options.dataDir}: ${form}, ${classes.length} classes, ` +
        `read as ${input.height} x ${input.width} x ${input.channels}`,
    );
    printFaults(faults);
    if (found) printImages(found);
    console.log(
      isFit ? 'training takes these images' : 'training would refuse these images: fix the serious faults, then inspect them again',
    );
  });

await runCommand(program);

interface InspectOptions {
  seed: number;
  alpha: number;
  delta: number;
  sheet: string;
  time: boolean;
}

/** The findings about images that can be trained on. */
interface Inspected {
  counts: Counts[];
  /** The smallest false-rejection rates that the calibration images can promise, and the wanted one with the images that it needs. */
  promise: {
    images: number;
    smallestAlpha: number;
    perClass: { class: string; smallestAlpha: number };
    wanted: Record<'alpha' | 'delta' | 'images' | 'folder', number>;
  };
  /** By preset; null where it is not wanted. */
  trainingSeconds: Record<'quick' | 'paper', number> | null;
  sheet: string;
}

async function inspectImages(dataset: Dataset, options: InspectOptions): Promise<Inspected> {
  const { alpha, delta, sheet } = options;
  const splits = splitsOf(dataset, options.seed);
  const counts = dataset.classes.map((name, y) => ({ class: name, ...countsOf(dataset, splits, y) }));
  const least = counts.reduce((a, b) => (b.calibration < a.calibration ? b : a));
  const needed = imagesNeeded(alpha, delta);
  await makeFolder(dirname(sheet));
  await writeAtomically(sheet, await sheetOf(dataset, splits));
  return {
    ...{ counts, sheet },
    promise: {
      images: splits.calibration.length,
      smallestAlpha: smallestAlpha(splits.calibration.length, delta),
      perClass: { class: least.class, smallestAlpha: smallestAlpha(least.calibration, delta) },
      wanted: { alpha, delta, images: needed, folder: folderFor(needed) },
    },
    trainingSeconds: options.time ? await guessSeconds(dataset, splits) : null,
  };
}

async function guessSeconds(dataset: Dataset, { train }: Splits): Promise<Record<'quick' | 'paper', number>> {
  // Loads tfjs, which takes a second.
  const { guessTrainingSeconds } = await import('../trainer/training-time.ts');
  return { quick: await guessTrainingSeconds(dataset, train, 'quick'), paper: await guessTrainingSeconds(dataset, train, 'paper') };
}

function printFaults(faults: readonly Fault[]): void {
  for (const severity of ['serious', 'warning', 'note'] as const)
    for (const fault of faults.filter((one) => one.severity === severity)) console.log(`${severity}: ${faultText(fault)}`);
}

function printImages({ counts, promise, trainingSeconds, sheet }: Inspected): void {
  const names = ['class', ...SPLITS] as const;
  const wide = Math.max(5, ...counts.map((row) => row.class.length));
  const line = (cells: (string | number)[]) =>
    cells.map((cell, i) => (i === 0 ? String(cell).padEnd(wide) : String(cell).padStart((names[i] as string).length))).join('  ');
  console.log(line([...names]));
  for (const row of counts) console.log(line(names.map((name) => row[name])));
  console.log(line(['all', ...SPLITS.map((name) => counts.reduce((sum, row) => sum + row[name], 0))]));
  const percent = (value: number) => `${(Math.ceil(value * 1000) / 10).toFixed(1)} %`;
  const { wanted, perClass } = promise;
  console.log(
    `${promise.images} calibration images can promise a false-rejection rate of ${percent(promise.smallestAlpha)} or more ` +
      `(delta ${wanted.delta}); in every class ${percent(perClass.smallestAlpha)}, as ${perClass.class} has the fewest`,
  );
  console.log(
    `--alpha ${wanted.alpha} needs ${wanted.images}: about ${wanted.folder} images in the folder` +
      `${promise.images < wanted.images ? `, or --alpha ${(Math.ceil(promise.smallestAlpha * 1000) / 1000).toFixed(3)}` : ''}`,
  );
  if (trainingSeconds)
    console.log(
      `training takes roughly ${duration(trainingSeconds.quick)} (--preset quick, to try it out) or ` +
        `${duration(trainingSeconds.paper)} (--preset paper) on this machine, estimated from two steps of each`,
    );
  console.log(`contact sheet: ${sheet}, one class per row${counts.length > MOST_CLASSES ? `, the first ${MOST_CLASSES}` : ''}`);
}

function countsOf({ train, test }: Dataset, splits: Splits, y: number): Record<keyof Splits, number> {
  const count = (split: keyof Splits) => splits[split].filter((i) => (split === 'test' ? test : train).labels[i] === y).length;
  return Object.fromEntries(SPLITS.map((split) => [split, count(split)])) as Record<keyof Splits, number>;
}

/** Draws the first training images of each class, one class per row. */
function sheetOf({ train, classes, input }: Dataset, splits: Splits): Promise<Buffer> {
  const size = input.height * input.width * input.channels;
  const shown = classes.slice(0, MOST_CLASSES);
  const images = shown.flatMap((_, y) => {
    const own = splits.train.filter((i) => train.labels[i] === y).slice(0, COLUMNS);
    const values = imagesAt(train, own);
    return Array.from({ length: COLUMNS }, (_, i) =>
      i < own.length ? values.slice(i * size, (i + 1) * size) : new Float32Array(size).fill(0.5),
    );
  });
  return contactSheetPng(images, input, COLUMNS, shown);
}
