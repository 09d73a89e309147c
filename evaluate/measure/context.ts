import { type AttackedModel, gradientModel } from '../../attacks/attack.ts';
import { openReclassifier, openScreener, type Reclassifier, type Screener } from '../../node/bundle/graphs.ts';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { DataError, type Dataset, imagesAt, labelsAt } from '../../trainer/data/dataset.ts';
import { type DatasetSource, openDataset } from '../../trainer/data/datasets.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { openUnknown, sizeText, type Unknown, type UnknownSource } from '../images/unknown.ts';
import { graphOracle, startingPoints } from './attacker.ts';

/** The bundle that is attacked, with data and seed. */
export interface EvaluationTarget {
  /** of the bundle */
  directory: string;
  source: DatasetSource;
  seed: number;
  unknownSource: UnknownSource | null;
}

/** A bundle opened for attacks, in one thread. */
export interface EvaluationContext extends EvaluationTarget {
  screening: Screening;
  screener: Screener;
  /** opened at the first call */
  reclassifier(): Promise<Reclassifier>;
  model: AttackedModel;
  dataset: Dataset;
  /** opened at the first call @throws DataError where no unknown images were named */
  unknown(): Promise<Unknown>;
}

/**
 * Opens a bundle, its model and its data set. tfjs must have a backend already.
 *
 * @throws BundleError, DataError where the images are not those that the bundle was trained beside
 */
export async function openContext(target: EvaluationTarget): Promise<EvaluationContext> {
  const dataset = await openDataset(target.source);
  const unknown = once(async () => {
    if (!target.unknownSource) throw new DataError('no unknown images were named; name them with --unknown');
    return openUnknown(target.unknownSource, opened.screening);
  });
  const opened: EvaluationContext = await contextOf({ ...target, dataset, unknown });
  checkDataset(opened.screening, dataset);
  return opened;
}

const others = new Map<string, Promise<EvaluationContext>>();

/** Opens another bundle of the same data in place of the evaluated one, once a thread. @throws BundleError */
export function contextForBundle(context: EvaluationContext, { directory }: { directory: string }): Promise<EvaluationContext> {
  const opened = others.get(directory) ?? contextOf({ ...context, directory });
  others.set(directory, opened);
  return opened;
}

async function contextOf(shared: EvaluationTarget & Pick<EvaluationContext, 'dataset' | 'unknown'>): Promise<EvaluationContext> {
  const { directory, dataset, seed } = shared;
  const screener = await openScreener(directory, { intraOpNumThreads: 1 });
  const { screening } = screener;
  return {
    ...{ ...shared, screening, screener },
    reclassifier: once(() => openReclassifier(directory, { intraOpNumThreads: 1 })),
    model: {
      ...gradientModel(await rebuildModel(directory), screening),
      startingPoints: startingPoints(dataset.train, screener, seed),
      oracle: (feedback) => graphOracle(screener, feedback),
    },
  };
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}

/** @throws DataError where the data set is not the one that the bundle was trained on, or of another size */
export function checkDataset({ name, provenance, input }: Screening, dataset: Dataset): void {
  if (canonicalJson(dataset.checksums) !== canonicalJson(provenance.data)) {
    throw new DataError(
      `${name} was trained on other files of ${provenance.dataset}, so the test images here may be among its ` +
        'training images. Name the folder that it was trained on with --data-dir.',
    );
  }
  if (sizeText(dataset.input) !== sizeText(input))
    throw new DataError(`images of ${dataset.name} are ${sizeText(dataset.input)}; ${name} needs ${sizeText(input)}`);
}

/** The test images of a job. */
export interface JobInputs {
  /** their places in the protocol's order */
  numbers: number[];
  /** [N, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  labels: number[];
  /** one for each image's randomness, the same in every batch and shard */
  seeds: number[];
}

/** Returns the test images of a job: those of the seed's order at its places. Parts that are `synthetic` get numbers and seeds alone. */
export function jobInputs(
  { dataset, seed }: Pick<EvaluationContext, 'dataset' | 'seed'>,
  { from, to }: { from: number; to: number },
  synthetic = false,
): JobInputs {
  const order = randomFrom(seed, 'image-sets').shuffle(Array.from({ length: dataset.test.count }, (_, i) => i));
  const indices = synthetic ? [] : order.slice(from, to);
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    numbers,
    images: imagesAt(dataset.test, indices),
    labels: labelsAt(dataset.test, indices),
    seeds: numbers.map((number) => mixSeed(seed * 1_000_003 + number)),
  };
}

/** Mixes a seed (the finalizer of MurmurHash3, 32 bits): seeds in a row would give random numbers in a row. */
function mixSeed(seed: number): number {
  const first = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return second ^ (second >>> 16);
}
