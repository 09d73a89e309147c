import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OptionValues } from 'commander';
import type { UnknownSource } from '../evaluate/images/unknown.ts';
import { acquireLocks } from '../node/files/lock.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { UsageError } from '../shared/user-error.ts';
import { type DatasetSource, dataSourceSchema, datasets } from '../trainer/data/datasets.ts';
import { unknownFolderOf } from '../trainer/own-unknown.ts';
import { imagesFolder, type Run } from '../trainer/run.ts';

export interface Shard {
  /** From 0. */
  part: number;
  of: number;
}

/** Parses a shard such as 1/4. @throws UsageError */
export function shardOf(text: string): Shard {
  const [, part, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  if (!part || !of || Number(part) < 1 || Number(part) > Number(of))
    throw new UsageError(`${text} is not a shard; use PART/OF, for example 1/4 to 4/4 for four`);
  return { part: Number(part) - 1, of: Number(of) };
}

/**
 * Finds wrong use before the work rather than after it.
 *
 * @param protocols names of the protocols that are asked for
 * @throws UsageError
 */
export function checkOptions({ unknown, unknownDir, out, merge, figures }: OptionValues, protocols: readonly string[]): void {
  if (unknown !== undefined && unknownDir === undefined && !datasets.get(unknown)?.packaged)
    throw new UsageError(`${unknown} does not come with the project: name the folder that holds it with --unknown-dir`);
  for (const [name, value] of Object.entries({ out, merge }))
    if (protocols.length > 1 && value) throw new UsageError(`--${name} takes one protocol; of several each has its own folder`);
  if (out && statSync(out, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${out} is a file; --out takes a folder`);
  if (figures && !statSync(dirname(figures), { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`there is no folder ${dirname(figures)} for --figures ${figures}`);
}

/** Returns the source of a bundle's data set: the images of the run that made it, else the folder given, else the one that the run read. */
export function sourceFor({ provenance, input, preprocess }: Screening, run: Run | null, dataDir: string | undefined): DatasetSource {
  const isFolder = datasets.get(provenance.dataset)?.resizable;
  const own = {
    dataset: provenance.dataset,
    dataDir: null,
    imageSize: isFolder ? input.height : null,
    channels: isFolder ? input.channels : null,
    ...(isFolder ? { preprocess: { fit: preprocess.fit, background: preprocess.background, polarity: preprocess.polarity } } : {}),
  };
  return {
    ...dataSourceSchema.parse(own),
    dataDir: dataDir ?? run?.config.dataDir ?? null,
    ...(run ? { kept: imagesFolder(run) } : {}),
  };
}

/** Returns the source of unknown images: those named, else those that the run keeps; null without. */
export function unknownSourceFor({ unknown, unknownDir }: OptionValues, run: Run | null): UnknownSource | null {
  if (unknown !== undefined || unknownDir !== undefined) return { dataset: unknown ?? 'images', directory: unknownDir ?? null };
  if (!run?.config.unknown || !existsSync(unknownFolderOf(run))) return null;
  return { dataset: 'images', directory: run.config.unknown.directory, kept: unknownFolderOf(run) };
}

/**
 * Takes the locks of an evaluation, so that nobody else does the same jobs or writes the same report. Shards of one division may run
 * side by side.
 *
 * @param folders of the jobs
 * @param report folder of the report
 * @returns releases the locks
 * @throws LockError
 */
export function lockEvaluation(folders: readonly string[], report: string, shard: Shard | undefined): Promise<() => Promise<void>> {
  const { part, of } = shard ?? { part: 0, of: 1 };
  const locks = new Map(folders.map((folder) => [join(folder, `.${part + 1}-of-${of}.lock`), folder]));
  if (!shard) locks.set(join(report, '.report.lock'), report);
  return acquireLocks([...locks].map(([path, folder]) => [`evaluation into ${folder}`, path]));
}
