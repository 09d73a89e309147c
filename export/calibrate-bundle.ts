import { createHash } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { basename } from 'node:path';
import { openScreener } from '../node/bundle/graphs.ts';
import { imagesWithinMemory } from '../node/bundle/images-within-memory.ts';
import { writeScreening } from '../node/bundle/models-folder.ts';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { sealed } from '../shared/bundle/hashes.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import type { Scores } from '../shared/decision/scores.ts';
import { ANY_FORMAT } from '../shared/images/formats.ts';
import { type CalibrationOptions, thresholdsFor } from '../trainer/calibrate.ts';
import { DataError, imagesAt } from '../trainer/data/dataset.ts';
import { CACHE, cachedImages } from '../trainer/data/image-cache.ts';
import { filesInFolder, isNamedImage, notesOnLeftOut } from '../trainer/data/image-files.ts';

/** Of the images that shape the thresholds; the rest sets them. */
const TUNE = 1 / 3;
/** Most images screened at once. */
const AT_ONCE = 100;

/** What became of it, with what a user should know of the images. */
export interface CalibratedBundle {
  screening: Screening;
  images: number;
  notes: string[];
}

/**
 * A copy of a bundle with thresholds for an operator's own clean images: the same graphs and `modelId`, a new `id`, no evidence, as
 * that belongs to the old thresholds. No labels are needed. Scores are those of the exported graph, in onnxruntime-node.
 *
 * @param images folder of image files, folders within it and links too; the same content twice counts once
 * @param target folder of the new bundle
 * @throws RangeError with the number of images needed, where there are too few; DataError, BundleError, ReplaceError
 */
export async function calibrateBundle(
  bundle: string,
  images: string,
  target: string,
  options: CalibrationOptions,
  cache = CACHE,
): Promise<CalibratedBundle> {
  const screener = await openScreener(bundle);
  const { screening } = screener;
  const scores: Record<'tune' | 'calibration', Scores[]> = { tune: [], calibration: [] };
  const read = await ownImages(images, screening, cache).catch(async (error) => {
    await screener.close();
    throw error;
  });
  const atOnce = imagesWithinMemory(screening.input, AT_ONCE);
  try {
    for (const split of ['tune', 'calibration'] as const) {
      const indices = read[split];
      for (let first = 0; first < indices.length; first += atOnce) {
        const levels = read.images(indices.slice(first, first + atOnce));
        const batch = imagesAt(
          levels,
          Array.from({ length: levels.count }, (_, i) => i),
        );
        for (const { scores: found } of await screener.screen(batch)) scores[split].push(found);
      }
    }
  } finally {
    await screener.close();
  }
  if (scores.tune.length === 0)
    throw new DataError(`${images} holds ${scores.calibration.length} images, too few to calibrate with. Use more images.`);
  const { id: _, checksum: __, ...content } = screening;
  const found = thresholdsFor(scores, screening.classes.length, screening.latentDim, {
    ...options,
    covariance: screening.covariances.kind,
  });
  const ownCalibration = { images: scores.tune.length + scores.calibration.length, sha256: read.sha256, date: new Date().toISOString() };
  const provenance = { ...content.provenance, ownCalibration };
  const calibrated = await sealed({ ...content, ...found, name: basename(target), provenance, evidence: [] });
  await rebuildFolder(target, 'screening.json', async (fresh) => {
    await cp(bundle, fresh, { recursive: true });
    await writeScreening(fresh, calibrated);
    await (await openScreener(fresh)).close();
  });
  const labels = new Set([...scores.tune, ...scores.calibration].map(({ label }) => label));
  const notes = [
    ...read.notes,
    ...absentNote(
      screening.classes.filter((_, label) => !labels.has(label)),
      screening.classes.length,
    ),
  ];
  return { screening: calibrated, images: ownCalibration.images, notes };
}

/** Tells a user of classes in which the model put no image. */
function absentNote(absent: readonly string[], classes: number): string[] {
  if (absent.length === 0) return [];
  const names = `${absent.slice(0, 10).join(', ')}${absent.length > 10 ? ', …' : ''}`;
  return [
    `no image of ${absent.length} of the ${classes} classes (${names}), by what the model takes them for: the thresholds of these classes come from ` +
      "the other classes' images and may be far too wide or too narrow. Add images of every class that you expect, and calibrate again.",
  ];
}

async function ownImages(directory: string, { input, preprocess }: Screening, cache: string) {
  const found = await filesInFolder(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder of ${ANY_FORMAT} files is needed`);
  });
  const files = found.files.filter(isNamedImage).sort();
  if (files.length === 0) throw new DataError(`${directory} holds no ${ANY_FORMAT} file. Choose a folder of images.`);
  const { index, images } = await cachedImages(
    directory,
    files.map((file) => ({ file, label: 0 })),
    input,
    { cache, rules: preprocess },
  );
  const first = new Map<string, number>();
  for (const [i, { sha256 }] of index.files.entries()) if (!first.has(sha256)) first.set(sha256, i);
  const [tune, calibration]: [number[], number[]] = [[], []];
  // By the content, so that the same images are divided the same way whatever their names.
  for (const [sha256, i] of first) (Number.parseInt(sha256.slice(0, 8), 16) < TUNE * 2 ** 32 ? tune : calibration).push(i);
  const twice = index.files.length - first.size;
  const notes = [
    ...notesOnLeftOut({ ...found, images: files.length, unreadable: index.unreadable }),
    ...(twice > 0 ? [`${twice} images are there more than once, and count once`] : []),
  ];
  const sha256 = createHash('sha256')
    .update([...first.keys()].sort().join('\n'))
    .digest('hex');
  return { images, tune, calibration, notes, sha256 };
}
