import { dirname } from 'node:path';
import { makeFolder, writeAtomically } from '../node/files/files.ts';
import { type Dataset, imagesAt } from '../trainer/data/dataset.ts';
import { openDataset } from '../trainer/data/datasets.ts';
import { type Splits, splitsOf } from '../trainer/data/splits.ts';
import { contactSheetPng } from '../trainer/report/contact-sheet.ts';
import { dataSourceOf, wholeNumber, withDataOptions } from './options.ts';
import { callersPath } from './paths.ts';
import { command, runCommand } from './run-command.ts';

/** Pictures of each class on the contact sheet, and the largest number of classes on it. */
const COLUMNS = 16;
const MOST_CLASSES = 100;
const SPLITS = ['train', 'validation', 'tune', 'calibration', 'test'] as const;

const program = command(
  'data',
  'Show the images that a training would see.',
  '  pnpm data inspect\n  pnpm data inspect --data images --data-dir photos --image-size 64',
);
withDataOptions(
  program
    .command('inspect')
    .description('Count the images of each class in each split, list missing or unreadable files, and make a contact sheet.'),
)
  .option('--seed <n>', 'seed of the splits', wholeNumber, 1)
  .option('--sheet <file>', 'contact sheet to write, a PNG', callersPath, 'runs/contact-sheet.png')
  .option('--json', 'print the counts as JSON')
  .action(async (options) => {
    const dataset = await openDataset(dataSourceOf(options));
    const splits = splitsOf(dataset, options.seed);
    const counts = dataset.classes.map((name, y) => ({ class: name, ...countsOf(dataset, splits, y) }));
    await makeFolder(dirname(options.sheet));
    await writeAtomically(options.sheet, await sheetOf(dataset, splits));
    if (options.json)
      return console.log(
        JSON.stringify({ name: dataset.name, input: dataset.input, notes: dataset.notes ?? [], counts, sheet: options.sheet }),
      );
    for (const note of dataset.notes ?? []) console.log(note);
    const { height, width, channels } = dataset.input;
    console.log(
      `${dataset.name}: ${dataset.train.count} + ${dataset.test.count} images of ${height} x ${width} x ${channels}, ` +
        `${dataset.classes.length} classes`,
    );
    const names = ['class', ...SPLITS] as const;
    const wide = Math.max(5, ...dataset.classes.map((name) => name.length));
    const line = (cells: (string | number)[]) =>
      cells.map((cell, i) => (i === 0 ? String(cell).padEnd(wide) : String(cell).padStart((names[i] as string).length))).join('  ');
    console.log(line([...names]));
    for (const row of counts) console.log(line(names.map((name) => row[name])));
    console.log(line(['all', ...names.slice(1).map((name) => counts.reduce((sum, row) => sum + (row[name] as number), 0))]));
    console.log(
      `contact sheet: ${options.sheet}, one class per row${dataset.classes.length > MOST_CLASSES ? `, the first ${MOST_CLASSES}` : ''}`,
    );
  });

await runCommand(program);

function countsOf({ train, test }: Dataset, splits: Splits, y: number): Record<keyof Splits, number> {
  const count = (split: keyof Splits) => splits[split].filter((i) => (split === 'test' ? test : train).labels[i] === y).length;
  return Object.fromEntries(SPLITS.map((split) => [split, count(split)])) as Record<keyof Splits, number>;
}

/** Draws the first training images of each class, one class per row. */
function sheetOf({ train, classes, input }: Dataset, splits: Splits): Promise<Buffer> {
  const size = input.height * input.width * input.channels;
  const images = classes.slice(0, MOST_CLASSES).flatMap((_, y) => {
    const own = splits.train.filter((i) => train.labels[i] === y).slice(0, COLUMNS);
    const values = imagesAt(train, own);
    return Array.from({ length: COLUMNS }, (_, i) =>
      i < own.length ? values.slice(i * size, (i + 1) * size) : new Float32Array(size).fill(0.5),
    );
  });
  return contactSheetPng(images, input, COLUMNS);
}
