import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { Piscina } from 'piscina';
import { makeFolder, writeAtomically } from '../../node/files/files.ts';
import { projectPath } from '../../node/project-folder.ts';
import { canonicalJson, sha256 } from '../../shared/bundle/hashes.ts';
import type { Preprocess, Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { defaultPreprocess } from '../../shared/images/preprocess.ts';
import { DataError, type ImageIndex, indexSchema, type LabelledImages } from './dataset.ts';
import type { ImageTask, ReadFileResult } from './image-thread.ts';
import { hashOfLevels, openLevels, pruneCache } from './levels-file.ts';

/** An image file and its label. */
export interface Entry {
  /** Relative to the folder. */
  file: string;
  label: number;
}

/** Folder of the caches, beside the runs; it may be removed at any time, as a run keeps its own images (`kept-images.ts`). */
export const CACHE = projectPath('runs', '.cache');

/** Files that a thread reads in one task. */
const FILES_PER_TASK = 16;
/** Version of the code that reads the files; another version makes new caches. */
const READER = 5;

interface CacheOptions {
  /** The folder of the caches. */
  cache: string;
  rules?: Preprocess;
  /** True: no image that can be read is no error. */
  mayBeEmpty?: boolean;
  signal?: AbortSignal | undefined;
}

/**
 * Decodes and preprocesses image files once, into a file of levels from which images are then read one by one, so a data set may be larger
 * than memory. The cache is named after the files' names, sizes and times: a change of any of them makes a new one.
 *
 * @throws DataError where no file can be read as an image; the signal's reason, where it is aborted: then no cache is left behind
 */
export async function cachedImages(
  directory: string,
  entries: readonly Entry[],
  input: Screening['input'],
  { cache, rules = defaultPreprocess, mayBeEmpty, signal }: CacheOptions,
): Promise<{ index: ImageIndex; images: (indices: readonly number[]) => LabelledImages }> {
  const stats = await Promise.all(entries.map(({ file }) => stat(join(directory, file))));
  const identity = entries.map(({ file, label }, i) => [file, label, stats[i]?.size ?? 0, stats[i]?.mtimeMs ?? 0, stats[i]?.ctimeMs ?? 0]);
  const named = { reader: READER, limits: DEFAULT_LIMITS, directory: resolve(directory), identity, input, rules };
  const key = (await sha256(canonicalJson(named))).slice(0, 24);
  const paths = { levels: join(cache, `${key}.levels`), index: join(cache, `${key}.json`) };
  await pruneCache(cache);
  let index = await readIndex(paths);
  if (!index) {
    await makeFolder(cache);
    index = await fillCache(paths, readInThreads(directory, entries, { input, rules }, signal), stats);
  }
  if (index.files.length === 0 && !mayBeEmpty) {
    const first = index.unreadable[0];
    throw new DataError(
      `none of the ${entries.length} files in ${directory} can be read as an image${first ? `; ${first.file}: ${first.why}` : ''}`,
    );
  }
  return { index, images: openLevels(paths.levels, index, input) };
}

type CachePaths = Record<'levels' | 'index', string>;

/** Returns the index of a cache that is complete and whole, or null. */
async function readIndex(paths: CachePaths): Promise<ImageIndex | null> {
  try {
    const index = indexSchema.parse(JSON.parse(await readFile(paths.index, 'utf8')));
    if ((await hashOfLevels(paths.levels)) !== index.sha256) return null;
    await utimes(paths.levels, new Date(), new Date());
    return index;
  } catch {
    return null;
  }
}

async function fillCache(
  paths: CachePaths,
  images: AsyncIterable<{ entry: Entry; read: ReadFileResult }>,
  stats: readonly { size: number; mtimeMs: number }[],
): Promise<ImageIndex> {
  const index: ImageIndex = { files: [], stats: [], unreadable: [], sha256: '' };
  const hash = createHash('sha256');
  let at = 0;
  // Written under another name and renamed, as another process may fill or read the same cache.
  const temporary = `${paths.levels}.${crypto.randomUUID()}.tmp`;
  const output = await open(temporary, 'w');
  try {
    for await (const { entry, read } of images) {
      const { file, label } = entry;
      const { size, mtimeMs } = stats[at++] as (typeof stats)[number];
      if ('why' in read) index.unreadable.push({ file, why: read.why });
      else {
        const { levels, ...facts } = read;
        await output.write(levels);
        hash.update(levels);
        index.files.push({ file, label, ...facts });
        index.stats.push([size, mtimeMs]);
      }
    }
    await output.sync();
  } catch (error) {
    await output.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await output.close();
  index.sha256 = hash.digest('hex');
  await rename(temporary, paths.levels);
  // Last: without the index the levels do not count.
  await writeAtomically(paths.index, JSON.stringify(index));
  return index;
}

/** Yields each file in the given order, read ahead by as many threads as there are cores. */
async function* readInThreads(
  directory: string,
  entries: readonly Entry[],
  how: Pick<ImageTask, 'input' | 'rules'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ entry: Entry; read: ReadFileResult }> {
  const tasks = Array.from({ length: Math.ceil(entries.length / FILES_PER_TASK) }, (_, i) =>
    entries.slice(i * FILES_PER_TASK, (i + 1) * FILES_PER_TASK),
  );
  const maxThreads = Math.max(1, Math.min(availableParallelism(), tasks.length));
  const filename = new URL('./image-thread.ts', import.meta.url).href;
  const pool = new Piscina<ImageTask, ReadFileResult[]>({ filename, minThreads: maxThreads, maxThreads });
  const read = async (task: readonly Entry[]) => {
    const results = await pool.run({ directory, files: task.map(({ file }) => file), ...how });
    return task.map((entry, i) => ({ entry, read: results[i] as ReadFileResult }));
  };
  try {
    for await (const images of Readable.from(tasks).map(read, { concurrency: 2 * maxThreads })) {
      signal?.throwIfAborted();
      yield* images;
    }
  } finally {
    await pool.destroy();
  }
}
