import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { parseJsonOrNull, writeAtomically } from '../../node/files/files.ts';
import { UserError } from '../../shared/user-error.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import {
  type EvaluationKey,
  fileOf,
  type HashedPart,
  type Job,
  type JobResult,
  jobMetadata,
  jobResultSchema,
  reusableResult,
} from './job.ts';
import type { Done, Failed, JobThreadData } from './job-worker.ts';

export interface Progress {
  /** jobs and gradients that are done, and all */
  done: number;
  jobs: number;
  work: number;
  allWork: number;
}

type Parts = ReadonlyMap<string, HashedPart>;

/** Reads the result of a job; null where its file is missing, damaged or of another evaluation. */
export async function readFinishedJob(directory: string, job: Job, parts: Parts, key: EvaluationKey): Promise<JobResult | null> {
  return reusableResult(await readResult(join(directory, fileOf(job))), job, parts.get(job.part) as HashedPart, key);
}

async function readResult(file: string): Promise<JobResult | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (jobResultSchema.safeParse(parseJsonOrNull(text)).data ?? null);
}

/**
 * Copies the jobs of other folders, which shards on other machines did, into one. It takes only jobs of this very evaluation, as others
 * would take the place of what was done here.
 *
 * @returns how many
 * @throws DataError where a folder holds no jobs, or one of another bundle, seed, backend or source
 */
export async function mergeJobs(from: readonly string[], folder: string, parts: Parts, key: EvaluationKey): Promise<number> {
  await mkdir(folder, { recursive: true });
  let merged = 0;
  for (const directory of from) {
    const files = (await readdir(directory).catch(() => [] as string[])).filter((file) => file.endsWith('.json') && file !== 'report.json');
    if (files.length === 0) throw new DataError(`${directory} holds no jobs; a shard's folder is needed, runs/evaluate/NAME-ID/PROTOCOL`);
    for (const name of files) {
      const file = join(directory, name);
      const result = await readResult(file);
      if (!result) throw new DataError(`${file} is damaged, of another version of Portcullis, or not a job's file. Copy it again.`);
      const source = parts.get(result.part)?.source;
      for (const [field, value] of Object.entries({ ...key, ...(source && { source }) })) {
        const own = result[field as keyof typeof result];
        if (own !== value) throw new DataError(`${file} is of another evaluation: its ${field} is ${own}, not ${value}`);
      }
      await writeAtomically(join(folder, name), JSON.stringify(result));
      merged++;
    }
  }
  return merged;
}

/** Opens threads that do jobs; the caller closes them. */
export function openThreads(data: JobThreadData, threads: number): Piscina {
  return new Piscina({
    filename: new URL('./job-worker.ts', import.meta.url).href,
    workerData: data,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: 60_000,
  });
}

/**
 * Does jobs, and writes each result to a file of its own at once: after a kill, finished jobs are not done again.
 *
 * @param signal ends it after the jobs in progress, which take up to a minute
 * @throws what a job throws; results so far are kept
 */
export async function runJobs(
  threads: Piscina,
  directory: string,
  jobs: readonly Job[],
  parts: Parts,
  key: EvaluationKey,
  { signal, onProgress = () => {} }: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const partOf = (job: Job) => parts.get(job.part) as HashedPart;
  const workOf = (job: Job) => partOf(job).work * (job.to - job.from);
  const progress: Progress = { done: 0, jobs: jobs.length, work: 0, allWork: jobs.reduce((sum, job) => sum + workOf(job), 0) };
  const todo = [...jobs];
  let failed = false;
  // Jobs in progress run to their ends: a thread that is ended while ONNX Runtime works in it takes the whole process with it.
  const oneAfterTheOther = async () => {
    for (let job = todo.shift(); job && !failed && !signal?.aborted; job = todo.shift()) {
      try {
        const done = (await threads.run(job)) as Done | Failed;
        if ('failed' in done) {
          const { name, message } = done.failed;
          throw Object.assign(new UserError(`${job.part}, images ${job.from} to ${job.to}: ${message}`), { name });
        }
        const result: JobResult = { ...jobMetadata(job, partOf(job), key), ...done };
        await writeAtomically(join(directory, fileOf(job)), JSON.stringify(result));
      } catch (error) {
        failed = true;
        throw error;
      }
      progress.done++;
      progress.work += workOf(job);
      onProgress(progress);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: threads.options.maxThreads }, oneAfterTheOther));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  signal?.throwIfAborted();
}
