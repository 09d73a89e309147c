import { canonicalJson } from '../shared/bundle/hashes.ts';
import { labelsAt } from './data/dataset.ts';
import { openDataset } from './data/datasets.ts';
import { splitsOf } from './data/splits.ts';
import { trainingFor } from './presets.ts';
import type { RunConfig } from './run.ts';
import type { TrainOptions } from './train.ts';

/** What makes a run what it is; the backend and its threads only change last digits. */
export type Recipe = Pick<TrainOptions, 'source' | 'preset' | 'choices' | 'seed' | 'calibration'>;

/**
 * In what a run is not the one that `train` would make of a recipe, such as `training.epochs is 2, not 12`; empty where in nothing.
 *
 * @throws DataError, RangeError as `train` does
 */
export async function differencesFrom(config: RunConfig, { source, preset, choices, seed, calibration }: Recipe): Promise<string[]> {
  const dataset = await openDataset(source);
  const training = trainingFor(preset, dataset, labelsAt(dataset.train, splitsOf(dataset, seed).train), choices);
  const asked = { ...{ dataset: source.dataset, input: dataset.input, preset, seed }, training, calibration };
  const [is, wanted] = [config as unknown as Record<string, unknown>, asked as Record<string, unknown>];
  const differences = Object.keys(asked).flatMap((key) => differencesIn(key, is[key], wanted[key]));
  if (canonicalJson(config.checksums) !== canonicalJson(dataset.checksums)) differences.push('it was trained on other image files');
  return differences;
}

function differencesIn(name: string, is: unknown, wanted: unknown): string[] {
  if (canonicalJson(is) === canonicalJson(wanted)) return [];
  if (!isRecord(is) || !isRecord(wanted)) return [`${name} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`];
  return [...new Set([...Object.keys(is), ...Object.keys(wanted)])].flatMap((key) => differencesIn(`${name}.${key}`, is[key], wanted[key]));
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
