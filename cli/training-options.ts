import { readFileSync } from 'node:fs';
import { type Command, Option, type OptionValues } from 'commander';
import { z } from 'zod';
import { parseJsonOrNull } from '../node/files/files.ts';
import { UsageError } from '../shared/user-error.ts';
import { architectureSchema, type Shape } from '../trainer/model/architecture.ts';
import { type ArchitectureName, architectures } from '../trainer/model/architectures.ts';
import type { TrainingChoices } from '../trainer/presets.ts';
import { positive, positiveNumber, wholeNumber } from './run-command.ts';

const names = Object.keys(architectures) as ArchitectureName[];

/** Adds what may be said instead of a preset's own. */
export function withTrainingOptions(program: Command): Command {
  return program
    .option('--epochs <n>', "instead of the preset's", positive)
    .option('--patience <n>', 'epochs without a smaller validation loss before it stops; 0: never', wholeNumber)
    .option('--batch-size <n>', 'images a step', positive)
    .option('--learning-rate <n>', 'peak of it', positiveNumber)
    .option('--latent-weight <n>', 'alpha of Eq. 7', positiveNumber)
    .option('--latent <n>', 'dimensions of the latent (default: the number of classes)', positive)
    .option('--architecture <name>', `${names.join(', ')}, or a JSON file like docs/training.md shows`, architectureOf)
    .addOption(
      new Option('--entropy <kind>', "of the encoder: Eq. 7's constant noise, or an ordinary VAE's").choices(['constant', 'variable']),
    )
    .option('--outliers <share>', 'images of no class that are added to each batch, 0 to 1 of its own; 0: none', shareOrNone)
    .option('--labels-per-class <n>', 'semi-supervised: so many images of each class have labels, the others go by Eq. 3', positive)
    .addOption(
      new Option('--class-weights <kind>', 'in the loss (default: balanced where the classes differ by more than 2 in size)').choices([
        'none',
        'balanced',
      ]),
    );
}

const CHOICES = [
  ...(['epochs', 'patience', 'batchSize', 'learningRate', 'latentWeight', 'architecture', 'entropy'] as const),
  ...(['outliers', 'labelsPerClass', 'classWeights'] as const),
];

/** What was chosen, from the parsed options. */
export function trainingChoicesOf(options: OptionValues): TrainingChoices {
  const given = CHOICES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  return { ...Object.fromEntries(given), ...(options.latent === undefined ? {} : { latentDim: options.latent }) };
}

/** @throws UsageError */
function shareOrNone(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new UsageError(`${text} is not a number from 0 to 1`);
  return value;
}

const shapeSchema = architectureSchema.pick({ encoder: true, decoder: true, dense: true });

/** @throws UsageError where it is neither a name nor a file that describes one */
function architectureOf(text: string): Shape {
  const known = names.find((name) => name === text);
  if (known) return architectures[known];
  let content: string;
  try {
    content = readFileSync(text, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${text} is neither an architecture (${names.join(', ')}) nor a file that can be read (${(error as Error).message})`,
    );
  }
  const shape = shapeSchema.safeParse(parseJsonOrNull(content));
  if (!shape.success) throw new UsageError(`${text} does not describe an architecture:\n${z.prettifyError(shape.error)}`);
  return shape.data;
}
