import { type Command, Option, type OptionValues } from 'commander';
import { LARGEST_SIDE } from '../trainer/data/dataset.ts';
import { type DataSource, datasets } from '../trainer/data/datasets.ts';
import { callersPath } from './callers-path.ts';
import { upTo } from './run-command.ts';

/** Adds the options that say which images. */
export function withDataOptions(program: Command): Command {
  return program
    .addOption(new Option('--data <name>', 'what to train on').choices([...datasets.keys()]).default('mnist'))
    .option('--data-dir <folder>', 'that holds it (MNIST comes with the project)', callersPath, process.env.DATA_DIR)
    .option('--image-size <n>', 'height and width that the images of a folder are brought to (default: 64)', upTo(LARGEST_SIDE))
    .addOption(new Option('--channels <n>', 'of the images of a folder (default: 3)').choices(['1', '3']));
}

/** What was chosen, from the parsed options. */
export function dataSourceOf({ data, dataDir, imageSize, channels }: OptionValues): DataSource {
  return {
    dataset: data,
    dataDir: dataDir ?? null,
    imageSize: imageSize ?? null,
    channels: channels === undefined ? null : channels === '1' ? 1 : 3,
  };
}
