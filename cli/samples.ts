import { join } from 'node:path';
import { makeFolder, writeAtomically } from '../node/files/files.ts';
import { ROOT } from '../node/project-folder.ts';
import { NONSENSE } from '../shared/bundle/evidence-names.ts';
import { UsageError } from '../shared/user-error.ts';
import { type Dataset, imagesAt } from '../trainer/data/dataset.ts';
import { openDataset } from '../trainer/data/datasets.ts';
import { genuineIn } from '../trainer/data/unknown/genuine.ts';
import { makeUnknown, unknownKinds } from '../trainer/data/unknown/kinds.ts';
import { dataSourceOf, wholeNumber, withDataOptions } from './options.ts';
import { command, runCommand } from './run-command.ts';

/** The most classes of which the page shows an image. */
const MOST_CLASSES = 10;
const UNKNOWN = 'joined,inverted,shuffled,things';

const DESCRIPTION = `Make the samples that the worker's page offers: a test image of each class, noise, and unknown images.
They go to page/samples/ and into the next build of a model with these classes and this size; the page attacks them by itself.`;

const program = withDataOptions(command('samples', DESCRIPTION, '  pnpm samples\n  pnpm samples --data images --data-dir photos'))
  .option('--unknown <kinds>', `kinds of unknown images, from ${[...unknownKinds.keys()].join(', ')}`, UNKNOWN)
  .option('--seed <n>', 'seed of noise and unknown images', wholeNumber, 1)
  .action(async (options: { unknown: string; seed: number }) => {
    const kinds = options.unknown.split(',').map((kind) => kind.trim());
    const wrong = kinds.find((kind) => !unknownKinds.has(kind));
    if (wrong !== undefined)
      throw new UsageError(`${wrong} is no kind of unknown images; there are ${[...unknownKinds.keys()].join(', ')}`);
    const dataset = await openDataset(dataSourceOf(options));
    const samples = [
      ...clean(dataset),
      ...made(dataset, 'noise', NONSENSE, options.seed),
      ...made(dataset, 'unknown', kinds, options.seed),
    ];
    const folder = join(ROOT, 'page', 'samples');
    const path = join(folder, `${dataset.name}.json`);
    await makeFolder(folder);
    const { classes, input } = dataset;
    const lines = samples.map((sample) => `  ${JSON.stringify(sample)}`);
    await writeAtomically(
      path,
      `{"classes": ${JSON.stringify(classes)}, "input": ${JSON.stringify(input)}, "samples": [\n${lines.join(',\n')}\n]}\n`,
    );
    console.log(`${samples.length} samples of ${dataset.name} in ${path}; the next build of the worker has them`);
  });

/** A sample as page/view/samples.ts reads it. */
interface Sample {
  group: 'clean' | 'noise' | 'unknown';
  name: string;
  label: number | null;
  /** base64 of H * W * C levels of 0 to 255. */
  levels: string;
}

const levelsOf = (image: Float32Array) => Buffer.from(image.map((value) => Math.round(255 * value))).toString('base64');

/** Takes the first test image of each of the first classes. */
function clean({ test, classes }: Dataset): Sample[] {
  return classes.slice(0, MOST_CLASSES).flatMap((name, label) => {
    const index = test.labels.indexOf(label);
    return index < 0 ? [] : [{ group: 'clean', name, label, levels: levelsOf(imagesAt(test, [index])) }];
  });
}

/** Makes an image of each kind. */
function made({ test, input }: Dataset, group: 'noise' | 'unknown', kinds: readonly string[], seed: number): Sample[] {
  const order = Array.from({ length: test.count }, (_, i) => i);
  const genuine = genuineIn(test, order, () => new Set())(seed);
  return kinds.flatMap((kind) =>
    makeUnknown(kind, genuine, input, [seed]).map((image): Sample => {
      return { group, name: unknownKinds.get(kind)?.aboutToOthers ?? kind, label: null, levels: levelsOf(image) };
    }),
  );
}

await runCommand(program);
