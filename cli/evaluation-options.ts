import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OptionValues } from 'commander';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { UsageError } from '../shared/user-error.ts';
import { type DataSource, dataSourceSchema } from '../trainer/data/datasets.ts';
import type { Run } from '../trainer/run.ts';

/** @throws UsageError */
export function shard(text: string): { part: number; of: number } {
  const [, part, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  if (!part || !of || Number(part) < 1 || Number(part) > Number(of)) throw new UsageError(`${text} is no shard; 1/4 to 4/4 are, for four`);
  return { part: Number(part) - 1, of: Number(of) };
}

/**
 * What would fail after the work is wrong use before it.
 *
 * @param names of the protocols that are asked for
 * @throws UsageError
 */
export function checkOptions({ unknown, unknownDir, out, merge, figures }: OptionValues, names: readonly string[]): void {
  if (unknown === undefined && unknownDir !== undefined)
    throw new UsageError('--unknown-dir belongs to --unknown, which says what the folder holds: images, or the name of a data set');
  if (unknown !== undefined && unknown !== 'mnist' && unknownDir === undefined)
    throw new UsageError(`${unknown} does not come with the project: name the folder that holds it with --unknown-dir`);
  for (const [name, value] of Object.entries({ out, merge }))
    if (names.length > 1 && value) throw new UsageError(`--${name} is for one protocol; of several each has its own folder`);
  if (out && statSync(out, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${out} is a file; --out takes a folder`);
  if (figures && !statSync(dirname(figures), { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`there is no folder ${dirname(figures)} for --figures ${figures}`);
}

/** Where the images of a bundle's data set are: where it is said, else where the run that made it read them. */
export function sourceFor({ provenance, input }: Screening, run: Run | null, dataDir: string | undefined): DataSource {
  const folder = provenance.dataset === 'images';
  const own = {
    dataset: provenance.dataset,
    dataDir: null,
    imageSize: folder ? input.height : null,
    channels: folder ? input.channels : null,
  };
  const source = { ...dataSourceSchema.parse(own), dataDir: run?.config.dataDir ?? null };
  return dataDir === undefined ? source : { ...source, dataDir };
}
