import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { parseJsonOrNull, writeAtomically } from '../../node/files/files.ts';
import { UserError } from '../../shared/user-error.ts';
import type { Part } from '../protocols/protocol.ts';
import { fileOf, type Job, type JobResult, jobResultSchema } from './job.ts';
import type { Done, Failed, JobThreadData } from './job-worker.ts';

/** What all results of an evaluation share; a file that differs in any of it is not taken. */
export type Key = Pick<JobResult, 'id' | 'seed' | 'backend' | 'attacks'>;

export interface Progress {
  /** jobs and gradients that are done, and all */
  done: number;
  jobs: number;
  work: number;
  allWork: number;
}

/**
 * The result of a job where its file is whole and of this very evaluation, else null. How many images the part has in all changes nothing of
 * a job: one of an evaluation of more or fewer images is taken, and told as one of this.
 */
export async function doneBefore(directory: string, job: Job, part: Part, key: Key): Promise<JobResult | null> {
  const text = await readFile(join(directory, fileOf(job)), 'utf8').catch(() => null);
  const result = text === null ? null : (jobResultSchema.safeParse(parseJsonOrNull(text)).data ?? null);
  const wanted = resultOf(job, part, key);
  const same =
    result && Object.entries({ ...wanted, images: result.images }).every(([name, value]) => result[name as keyof JobResult] === value);
  return same ? { ...result, images: wanted.images } : null;
}

function resultOf({ protocol, from, to }: Job, part: Part, key: Key) {
  return { version: 1 as const, ...key, protocol, part: part.name, about: part.about, images: part.images, from, to };
}

/** Threads that do jobs; to be closed. */
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
 * Does what is not done yet, each result kept in a file of its own as soon as it is there: after a kill what was done is not done again.
 *
 * @param signal ends it after the jobs at hand, which take up to a minute
 * @throws what a job throws; results so far are kept
 */
export async function runJobs(
  threads: Piscina,
  directory: string,
  jobs: readonly Job[],
  parts: ReadonlyMap<string, Part>,
  key: Key,
  { signal, onProgress = () => {} }: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const partOf = (job: Job) => parts.get(job.part) as Part;
  const workOf = (job: Job) => partOf(job).work * (job.to - job.from);
  const progress: Progress = { done: 0, jobs: jobs.length, work: 0, allWork: jobs.reduce((sum, job) => sum + workOf(job), 0) };
  const todo = [...jobs];
  let failed = false;
  // Jobs at hand are let go to their ends: a thread that is ended while ONNX Runtime works in it takes the whole process with it.
  const oneAfterTheOther = async () => {
    for (let job = todo.shift(); job && !failed && !signal?.aborted; job = todo.shift()) {
      try {
        const done = (await threads.run(job)) as Done | Failed;
        if ('failed' in done)
          throw Object.assign(new UserError(`${job.part}, images ${job.from} to ${job.to}: ${done.failed.message}`), {
            name: done.failed.name,
          });
        const result: JobResult = { ...resultOf(job, partOf(job), key), ...done };
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
