import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Piscina } from 'piscina';
import { parseJsonOrNull, writeAtomically } from '../../node/files/files.ts';
import { UserError } from '../../shared/user-error.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import { type EvaluationKey, fileOf, type Job, type JobResult, jobMetadata, jobResultSchema, reusableResult, workOf } from './job.ts';
import type { Done, Failed, JobRequest } from './job-worker.ts';

export interface Progress {
  /** jobs and gradients that are done, and all */
  done: number;
  jobs: number;
  work: number;
  allWork: number;
}

/** Reads the result of a job; null where its file is missing, damaged or of another evaluation. */
export async function readFinishedJob(directory: string, job: Job, key: EvaluationKey): Promise<JobResult | null> {
  return reusableResult(await readResult(join(directory, fileOf(job))), job, key);
}

async function readResult(file: string): Promise<JobResult | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (jobResultSchema.safeParse(parseJsonOrNull(text)).data ?? null);
}

/**
 * Copies the jobs of other folders, which shards on other machines did, into one. It takes only jobs of this very evaluation, as others
 * would take the place of what was done here.
 *
 * @throws DataError where a folder holds no jobs, or one of another bundle, seed, backend or source
 */
export async function mergeJobs(from: readonly string[], folder: string, jobs: readonly Job[], key: EvaluationKey): Promise<void> {
  await mkdir(folder, { recursive: true });
  const sources = new Map(jobs.map(({ part, source }) => [part.name, source]));
  for (const directory of from) {
    const files = (await readdir(directory).catch(() => [] as string[])).filter((file) => file.endsWith('.json') && file !== 'report.json');
    if (files.length === 0) throw new DataError(`${directory} holds no jobs; a shard's folder is needed, runs/evaluate/NAME-ID/PROTOCOL`);
    for (const name of files) {
      const file = join(directory, name);
      const result = await readResult(file);
      if (!result) throw new DataError(`${file} is damaged, of another version of Portcullis, or not a job's file. Copy it again.`);
      const source = sources.get(result.part) ?? result.source;
      for (const [field, value] of Object.entries({ ...key, source })) {
        const own = result[field as keyof typeof result];
        if (own !== value) throw new DataError(`${file} is of another evaluation: its ${field} is ${own}, not ${value}`);
      }
      await writeAtomically(join(folder, name), JSON.stringify(result));
    }
  }
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
  key: EvaluationKey,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: ((progress: Progress) => void) | undefined } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const progress: Progress = { done: 0, jobs: jobs.length, work: 0, allWork: workOf(jobs) };
  const todo = [...jobs];
  let failed = false;
  // Jobs in progress run to their ends: a thread that is ended while ONNX Runtime works in it takes the whole process with it.
  const oneAfterTheOther = async () => {
    for (let job = todo.shift(); job && !failed && !signal?.aborted; job = todo.shift()) {
      try {
        const result: JobResult = { ...jobMetadata(job, key), ...(await doInThread(threads, job)) };
        await writeAtomically(join(directory, fileOf(job)), JSON.stringify(result));
      } catch (error) {
        failed = true;
        throw error;
      }
      progress.done++;
      progress.work += workOf([job]);
      onProgress?.(progress);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: threads.options.maxThreads }, oneAfterTheOther));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  signal?.throwIfAborted();
}

async function doInThread(threads: Piscina, { part, protocol, from, to }: Job): Promise<Done> {
  const request: JobRequest = { protocol, part: part.name, from, to };
  const done = (await threads.run(request)) as Done | Failed;
  if (!('failed' in done)) return done;
  const { name, message } = done.failed;
  throw Object.assign(new UserError(`${part.name}, images ${from} to ${to}: ${message}`), { name });
}
