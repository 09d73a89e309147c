import { createHash } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { basename } from 'node:path';
import { openScreener } from '../node/bundle/graphs.ts';
import { writeScreening } from '../node/bundle/models-folder.ts';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { imagesWithinMemory } from '../node/images-within-memory.ts';
import { withChecksums } from '../shared/bundle/hashes.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { rareLabels } from '../shared/calibration/conformal.ts';
import type { Scores } from '../shared/decision/scores.ts';
import { ANY_FORMAT } from '../shared/images/formats.ts';
import {
  CHOSEN_SCORES,
  type ChosenScore,
  DEFAULT_SCORES,
  isOptional,
  OPTIONAL_GRAPH_SCORES,
  type OptionalScore,
  optionalScores,
  SCORE_NAMES,
  SCORES,
} from '../shared/score-table.ts';
import { scoresTested, thresholdsFor } from '../trainer/calibrate.ts';
import { DataError, imagesAt, type LabelledImages } from '../trainer/data/dataset.ts';
import { CACHE, cachedImages } from '../trainer/data/image-cache.ts';
import { filesInFolder, isNamedImage, notesOnLeftOut } from '../trainer/data/image-files.ts';
import type { CalibrationOptions } from '../trainer/run-config.ts';

/** Share of the images that shape the thresholds; the rest sets them. */
const TUNE = 1 / 3;
/** Largest number of images screened at once. */
const AT_ONCE = 100;

/** A calibrated bundle, with what the user should know about the images. */
export interface CalibratedBundle {
  screening: Screening;
  images: number;
  notes: string[];
}

/**
 * Copies a bundle and sets thresholds from an operator's own clean images, which need no labels. Graphs and `modelId` stay; the `id` is
 * new, and there is no evidence, as that belongs to the old thresholds. Scores come from the exported graph, in onnxruntime-node.
 *
 * @param images folder of image files, with its subfolders and links; the same content twice counts once
 * @param target folder of the new bundle
 * @param options.scores optional scores to test; by default those of `pnpm train` and those that the bundle tests
 * @throws RangeError with the number of images needed, if there are too few; DataError, BundleError, ReplaceError
 */
export async function calibrateBundle(
  bundle: string,
  images: string,
  target: string,
  options: Omit<CalibrationOptions, 'covariance' | 'scores' | 'strict'> & { scores?: ChosenScore[] },
  cache = CACHE,
): Promise<CalibratedBundle> {
  const screener = await openScreener(bundle);
  const { screening } = screener;
  const own = optionalScores(screening.thresholds);
  const optional = options.scores ?? CHOSEN_SCORES.filter((name) => DEFAULT_SCORES.includes(name) || own.includes(name));
  const scores: Record<'tune' | 'calibration', Scores[]> = { tune: [], calibration: [] };
  let read: OwnImages;
  try {
    checkAnswered(optional, screening, bundle);
    read = await readOwnImages(images, screening, cache);
    const atOnce = imagesWithinMemory(screening.input, AT_ONCE);
    for (const split of ['tune', 'calibration'] as const) {
      for (let first = 0; first < read[split].length; first += atOnce) {
        const levels = read.images(read[split].slice(first, first + atOnce));
        const batch = imagesAt(levels, [...Array(levels.count).keys()]);
        for (const screened of await screener.screen(batch)) scores[split].push(screened.scores);
      }
    }
  } finally {
    await screener.close();
  }
  if (scores.tune.length === 0)
    throw new DataError(`${images} holds ${scores.calibration.length} images, too few to calibrate with. Use more images.`);
  // A --force was for the old thresholds.
  const { id: _, checksum: __, forced: ___, ...content } = screening;
  const kept = keptOf(screening, scores.tune, { ...options, scores: optional });
  const thresholds = thresholdsFor(scores, screening, { ...options, scores: optional }, kept);
  const all = [...scores.tune, ...scores.calibration];
  const ownCalibration = { images: all.length, sha256: read.sha256, date: new Date().toISOString() };
  const provenance = { ...content.provenance, ownCalibration };
  const calibrated = await withChecksums({ ...content, ...thresholds, name: basename(target), provenance, evidence: [] });
  await rebuildFolder(target, 'screening.json', async (fresh) => {
    await cp(bundle, fresh, { recursive: true });
    await writeScreening(fresh, calibrated);
    await (await openScreener(fresh)).close();
  });
  const counts = screening.classes.map((_, y) => all.filter(({ label }) => label === y).length);
  return { screening: calibrated, images: all.length, notes: [...read.notes, ...rareNote(screening.classes, counts, kept?.labels)] };
}

/**
 * Returns the classes of which there are too few images, which keep the bundle's thresholds: those of other classes' images would be far
 * too wide or too narrow. None where a class is promised its own rate, or the bundle does not have every score that is tested.
 */
function keptOf(
  { classes, thresholds, guarantee: promised }: Screening,
  tune: readonly Scores[],
  options: Omit<CalibrationOptions, 'covariance' | 'strict'>,
) {
  const { method, guarantee, alpha, scores } = options;
  const optional: OptionalScore[] = scoresTested(scores, { guarantee: promised });
  const tested = SCORE_NAMES.filter((name) => !isOptional(name) || optional.some((other) => other === name));
  if (method !== 'conformal' || guarantee !== 'marginal' || !tested.every((name) => thresholds[SCORES[name].threshold])) return undefined;
  return { labels: rareLabels(tune, classes.length, alpha), thresholds };
}

/** @throws DataError if a score is asked for that the bundle's graphs do not answer */
function checkAnswered(scores: readonly OptionalScore[], { golden }: Screening, bundle: string): void {
  const missing = OPTIONAL_GRAPH_SCORES.find((name) => scores.includes(name) && golden[name] === undefined);
  if (!missing) return;
  throw new DataError(
    `the graphs of ${bundle} do not answer ${missing}, and calibration does not change graphs. Set the thresholds of its run with ` +
      `--scores ${missing} and export it again, or leave the score out.`,
  );
}

/** Warns of classes to which the model assigned no image, or next to none. */
function rareNote(classes: readonly string[], counts: readonly number[], kept: ReadonlySet<number> = new Set()): string[] {
  const rare = classes.flatMap((name, y) => (counts[y] === 0 || kept.has(y) ? [`${name}: ${counts[y]}`] : []));
  if (rare.length === 0) return [];
  const names = `${rare.slice(0, 10).join(', ')}${rare.length > 10 ? ', …' : ''}`;
  const then =
    kept.size > 0
      ? 'these classes keep the thresholds that the bundle has'
      : "the thresholds of these classes come from the other classes' images, and may be far too wide or too narrow";
  return [
    `of ${rare.length} of the ${classes.length} classes there are no images, or too few (${names}), as the model labels them: ${then}. ` +
      'Add images of every class that you expect, and calibrate again.',
  ];
}

interface OwnImages {
  images: (indices: readonly number[]) => LabelledImages;
  /** Indices of different images. */
  tune: number[];
  calibration: number[];
  notes: string[];
  /** Hash over the images' contents. */
  sha256: string;
}

async function readOwnImages(directory: string, { input, preprocess }: Screening, cache: string): Promise<OwnImages> {
  const found = await filesInFolder(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder of ${ANY_FORMAT} files is needed`);
  });
  const files = found.files.filter(isNamedImage).sort();
  if (files.length === 0) throw new DataError(`${directory} holds no ${ANY_FORMAT} file. Choose a folder of images.`);
  const entries = files.map((file) => ({ file, label: 0 }));
  const { index, images } = await cachedImages(directory, entries, input, { cache, rules: preprocess });
  const first = new Map<string, number>();
  for (const [i, { sha256 }] of index.files.entries()) if (!first.has(sha256)) first.set(sha256, i);
  const [tune, calibration]: [number[], number[]] = [[], []];
  // Divided by content, so that renamed images are divided the same way.
  for (const [sha256, i] of first) (Number.parseInt(sha256.slice(0, 8), 16) < TUNE * 2 ** 32 ? tune : calibration).push(i);
  const twice = index.files.length - first.size;
  const notes = [
    ...notesOnLeftOut({ ...found, images: files.length, unreadable: index.unreadable }),
    ...(twice > 0 ? [`${twice} images are there more than once, and count once`] : []),
  ];
  const contents = [...first.keys()].sort().join('\n');
  return { images, tune, calibration, notes, sha256: createHash('sha256').update(contents).digest('hex') };
}
