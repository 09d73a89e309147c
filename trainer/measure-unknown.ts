import { concatImages } from '../attacks/tensors.ts';
import { randomFrom } from '../shared/random.ts';
import { optionalScores } from '../shared/score-table.ts';
import { type Dataset, imagesAt, type LabelledImages } from './data/dataset.ts';
import { datasets } from './data/datasets.ts';
import type { Splits } from './data/splits.ts';
import { AT_ONCE, genuineIn } from './data/unknown/genuine.ts';
import { makeUnknown, unknownKinds } from './data/unknown/kinds.ts';
import { OWN } from './data/unknown/own.ts';
import { referenceSets } from './data/unknown/reference-sets.ts';
import { unlikeClasses } from './data/unknown/unlike.ts';
import { encode, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';
import { outcomesOf, type UnknownFigure } from './outcomes.ts';
import type { Calibrated } from './run.ts';

/** Images of each kind, at 64 x 64 x 3 or less; of larger ones fewer, down to LEAST. */
const MOST = 500;
const LEAST = 200;
const VALUES = 64 * 64 * 3;

interface UnknownSources {
  /** The split whose images are used: `test`, or `validation` while something is still being chosen. */
  split: 'test' | 'validation';
  splits: Splits;
  seed: number;
  /** Kinds that the training was shown. */
  trainedOn: readonly string[];
  /** Unknown images that the user named and that were not trained on; null without. */
  own: LabelledImages | null;
  signal?: AbortSignal | undefined;
}

/**
 * Measures how many unknown images the thresholds accept: of every kind that can be made from the split, of the reference sets that are
 * at hand, and of the user's own.
 *
 * @throws the signal's reason, where it is aborted
 */
export async function measureUnknown(
  model: Model,
  dataset: Dataset,
  calibrated: Calibrated,
  { split, splits, seed, trainedOn, own, signal }: UnknownSources,
): Promise<UnknownFigure[]> {
  const { input } = dataset;
  const { means, covariances, thresholds } = calibrated;
  const settings = { ...calibrated, scores: optionalScores(thresholds) };
  const count = Math.max(LEAST, Math.min(MOST, Math.floor((MOST * VALUES) / (input.height * input.width * input.channels))));
  const figures: UnknownFigure[] = [];
  const measure = async (kind: string, about: string, images: Float32Array) => {
    const scores = scoresOf(encode(model, images, input, settings), means, covariances);
    const { rejected } = outcomesOf(scores, new Array<number>(scores.length).fill(-1), thresholds);
    if (scores.length > 0)
      figures.push({ kind, about, images: scores.length, accepted: scores.length - rejected, trainedOn: trainedOn.includes(kind) });
    // Ctrl-C is seen only when the event loop gets a turn.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  };
  for await (const { kind, about, images } of unknownSets(dataset, { split, splits, seed, most: count }))
    await measure(kind, about, images);
  if (own) await measure(OWN, (unknownKinds.get(OWN) as { about: string }).about, firstOf(own, count));
  return figures;
}

/** Unknown images of one kind: [n, H, W, C] flat. */
interface UnknownSet {
  kind: string;
  about: string;
  images: Float32Array;
}

/** Yields unknown images of every kind that can be made from a split, and of the reference sets that are at hand, up to `most` of each. */
export async function* unknownSets(
  dataset: Dataset,
  { split, splits, seed, most }: Pick<UnknownSources, 'split' | 'splits' | 'seed'> & { most: number },
): AsyncGenerator<UnknownSet> {
  const { train, test, classes, input } = dataset;
  const order = randomFrom(seed, 'unknown').shuffle([...splits[split]]);
  const genuine = genuineIn(split === 'test' ? test : train, order, unlikeClasses(train, splits.train, classes.length, input));
  for (const { name, about, derived } of unknownKinds.values()) {
    if (name === OWN) continue;
    const made: Float32Array[] = [];
    const wanted = derived ? Math.min(most, splits[split].length) : most;
    for (let first = 0; first < wanted; first += AT_ONCE) {
      const seeds = Array.from({ length: Math.min(AT_ONCE, wanted - first) }, (_, i) =>
        randomFrom(seed + first + i, name).integer(0, 2 ** 31 - 1),
      );
      made.push(...makeUnknown(name, genuine(first), input, seeds));
    }
    yield { kind: name, about, images: concatImages(made) };
  }
  for (const { name, images } of await referenceSets(datasets.values(), dataset, most, seed))
    yield { kind: name, about: `images of ${name}`, images: firstOf(images, most) };
}

const firstOf = (images: LabelledImages, most: number) => imagesAt(images, [...Array(Math.min(most, images.count)).keys()]);
