import { type Victim, victimOf } from '../../attacks/victim.ts';
import { openReclassifier, openScreener, type Reclassifier, type Screener } from '../../node/bundle/graphs.ts';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DataError, type Dataset } from '../../trainer/data/dataset.ts';
import { type DataSource, openDataset } from '../../trainer/data/datasets.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import type { Unknown } from '../images/image-sets.ts';
import { type NearestImages, nearestImages } from '../images/starting-points.ts';
import { openUnknown, type UnknownSource } from '../images/unknown.ts';

/** What is attacked, and with what: as an evaluation is asked for. */
export interface Subject {
  /** of the bundle */
  directory: string;
  source: DataSource;
  seed: number;
  unknownSource: UnknownSource | null;
}

/** A bundle opened for attacks, in one thread. */
export interface Setup extends Subject {
  screening: Screening;
  screener: Screener;
  /** opened when it is first asked for */
  reclassifier(): Promise<Reclassifier>;
  victim: Victim;
  dataset: Dataset;
  /** opened when it is first asked for @throws DataError where there is none */
  unknown(): Promise<Unknown>;
  nearest: NearestImages;
}

/**
 * tfjs has to have a backend already.
 *
 * @throws BundleError, DataError where the images are not those that the bundle was trained beside
 */
export async function openSetup(subject: Subject): Promise<Setup> {
  const screener = await openScreener(subject.directory, { intraOpNumThreads: 1 });
  const { screening } = screener;
  const dataset = await openDataset(subject.source);
  checkDataset(screening, dataset);
  let reclassifier: Promise<Reclassifier> | undefined;
  let unknown: Promise<Unknown> | undefined;
  const victim = victimOf(await rebuildModel(subject.directory), screening);
  return {
    ...subject,
    ...{ screening, screener, victim, dataset },
    reclassifier: () => {
      reclassifier ??= openReclassifier(subject.directory, { intraOpNumThreads: 1 });
      return reclassifier;
    },
    unknown: () => {
      if (!subject.unknownSource) throw new DataError('no unknown images were named');
      unknown ??= openUnknown(subject.unknownSource, screening);
      return unknown;
    },
    nearest: nearestImages(dataset.train, screener, subject.seed),
  };
}

/** @throws DataError */
export function checkDataset(screening: Screening, dataset: Dataset): void {
  if (canonicalJson(dataset.checksums) !== canonicalJson(screening.provenance.data)) {
    throw new DataError(
      `${screening.name} was trained on other files of ${screening.provenance.dataset}: the test images here may be among those it was trained on. Name the same folder with --data-dir.`,
    );
  }
  const size = ({ height, width, channels }: Screening['input']) => `${height} x ${width} x ${channels}`;
  if (size(dataset.input) !== size(screening.input))
    throw new DataError(`images of ${dataset.name} are ${size(dataset.input)}, those of ${screening.name} ${size(screening.input)}`);
}
