import { createHash } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Piscina } from 'piscina';
import { z } from 'zod';
import { makeFolder, writeAtomically } from '../../node/files/files.ts';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import type { Preprocess, Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { defaultPreprocess } from '../../shared/images/preprocess.ts';
import { DataError, type LabelledImages } from './dataset.ts';
import type { ImageTask, ReadFileResult } from './image-thread.ts';

/** An image file and what it is. */
export interface Entry {
  /** Within the folder. */
  file: string;
  label: number;
}

const indexSchema = z.strictObject({
  /** Of the images in the cache, in order. */
  files: z.array(z.strictObject({ file: z.string(), label: z.int().nonnegative(), sha256: z.string() })),
  unreadable: z.array(z.strictObject({ file: z.string(), why: z.string() })),
});

export type CacheIndex = z.infer<typeof indexSchema>;

/** Beside the runs; may be removed at any time. */
export const CACHE = join('runs', '.cache');

/** Files of one task of a thread. */
const AT_ONCE = 16;
/** Version of the code that reads the files; another version makes new caches. */
const READER = 2;

/**
 * Decodes and preprocesses image files once, into a file of levels that is then read image by image: a data set may be larger
 * than memory. The cache is named after the files' names, sizes and times, so a change of any of them makes a new one.
 *
 * @param options the cache's folder, and the rules of the preprocessing
 * @throws DataError where no file can be read as an image; the signal's reason, where it is aborted: then nothing is left of it
 */
export async function cachedImages(
  directory: string,
  entries: readonly Entry[],
  input: Screening['input'],
  { cache, rules = defaultPreprocess, signal }: { cache: string; rules?: Preprocess; signal?: AbortSignal | undefined },
): Promise<{ index: CacheIndex; images: (indices: readonly number[]) => LabelledImages }> {
  const stats = await Promise.all(entries.map(({ file }) => stat(join(directory, file))));
  const identity = entries.map(({ file, label }, i) => [file, label, stats[i]?.size ?? 0, stats[i]?.mtimeMs ?? 0, stats[i]?.ctimeMs ?? 0]);
  const key = createHash('sha256')
    .update(canonicalJson({ reader: READER, limits: DEFAULT_LIMITS, directory: resolve(directory), identity, input, rules }))
    .digest('hex')
    .slice(0, 24);
  const [levels, list] = [join(cache, `${key}.levels`), join(cache, `${key}.json`)];
  const size = input.height * input.width * input.channels;
  const index = (await readIndex(list, levels, size)) ?? (await fill(directory, entries, { input, rules, cache, levels, list, signal }));
  if (index.files.length === 0) {
    const first = index.unreadable[0];
    throw new DataError(
      `none of the ${entries.length} files in ${directory} can be read as an image${first ? `; ${first.file}: ${first.why}` : ''}`,
    );
  }
  // Open as long as the process: images are read whenever they are asked for.
  const file = openSync(levels, 'r');
  const images = (indices: readonly number[]): LabelledImages => {
    const buffer = new Uint8Array(size);
    return {
      count: indices.length,
      labels: Uint16Array.from(indices, (i) => index.files[i]?.label as number),
      image: (i) => {
        if (readSync(file, buffer, 0, size, (indices[i] as number) * size) !== size)
          throw new DataError(`${levels} is cut off. Remove it.`);
        return buffer;
      },
    };
  };
  return { index, images };
}

/** The list of a whole cache, or null. */
async function readIndex(list: string, levels: string, size: number): Promise<CacheIndex | null> {
  const text = await readFile(list, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const index = indexSchema.parse(JSON.parse(text));
    return (await stat(levels)).size === index.files.length * size ? index : null;
  } catch {
    return null;
  }
}

async function fill(
  directory: string,
  entries: readonly Entry[],
  how: { input: Screening['input']; rules: Preprocess; cache: string; levels: string; list: string; signal: AbortSignal | undefined },
): Promise<CacheIndex> {
  const { input, rules, cache, levels, list, signal } = how;
  await makeFolder(cache);
  const index: CacheIndex = { files: [], unreadable: [] };
  // Under a name of its own and renamed: another process may fill the same cache, or read it.
  const fresh = `${levels}.${crypto.randomUUID()}.tmp`;
  const output = await open(fresh, 'w');
  try {
    for await (const { entry, read } of readInThreads(directory, entries, { input, rules }, signal)) {
      const { file, label } = entry;
      if ('why' in read) index.unreadable.push({ file, why: read.why });
      else {
        await output.write(read.levels);
        index.files.push({ file, label, sha256: read.sha256 });
      }
    }
    await output.sync();
  } catch (error) {
    await output.close();
    await rm(fresh, { force: true });
    throw error;
  }
  await output.close();
  await rename(fresh, levels);
  // Last: without the list the levels do not count.
  await writeAtomically(list, JSON.stringify(index));
  return index;
}

/** Yields each file in the order given, read ahead by as many threads as there are cores. */
async function* readInThreads(
  directory: string,
  entries: readonly Entry[],
  how: Pick<ImageTask, 'input' | 'rules'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ entry: Entry; read: ReadFileResult }> {
  const threads = Math.max(1, Math.min(availableParallelism(), Math.ceil(entries.length / AT_ONCE)));
  const pool = new Piscina<ImageTask, ReadFileResult[]>({
    filename: new URL('./image-thread.ts', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
  });
  const parts = Array.from({ length: Math.ceil(entries.length / AT_ONCE) }, (_, i) => entries.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
  const begin = (part: readonly Entry[]) => {
    const work = pool.run({ directory, files: part.map(({ file }) => file), ...how });
    // A failure is reported where the part is awaited; parts after a failed one are not awaited.
    work.catch(() => undefined);
    return { part, work };
  };
  try {
    const ahead = parts.splice(0, 2 * threads).map(begin);
    for (let next = ahead.shift(); next; next = ahead.shift()) {
      signal?.throwIfAborted();
      const read = await next.work;
      const more = parts.shift();
      if (more) ahead.push(begin(more));
      for (const [i, entry] of next.part.entries()) yield { entry, read: read[i] as ReadFileResult };
    }
  } finally {
    await pool.destroy();
  }
}
