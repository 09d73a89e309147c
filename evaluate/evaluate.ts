import { availableParallelism } from 'node:os';
import type { Screener } from '../node/bundle/graphs.ts';
import { type BackendChoice, useBackendOnCores } from '../trainer/backend/backends.ts';
import type { DataSource } from '../trainer/data/datasets.ts';
import { openDataset } from '../trainer/data/datasets.ts';
import { openUnknown, type UnknownSource } from './images/unknown.ts';
import { type Job, type JobResult, jobsOf, keyOf } from './jobs/job.ts';
import { mergeJobs } from './jobs/merge-jobs.ts';
import { doneBefore, type Key, openThreads, type Progress, runJobs } from './jobs/run-jobs.ts';
import type { Door } from './protocols/endpoint.ts';
import { checkDoor } from './protocols/http-oracle.ts';
import { bundlesBeside } from './protocols/other-bundles.ts';
import type { Asked, Protocol } from './protocols/protocol.ts';
import { checkDataset } from './protocols/setup.ts';

export interface Request {
  /** of the bundle */
  directory: string;
  source: DataSource;
  unknownSource: UnknownSource | null;
  seed: number;
  protocol: Protocol;
  images?: number;
  /** whether Eq. 9 is asked about what is rejected, where the protocol leaves that open */
  search: boolean;
  /** a worker with this bundle, for attacks over HTTP; null without */
  door: Door | null;
  backend: BackendChoice;
  threads?: number;
  /** only each `of`-th job, from the `part`-th */
  shard: { part: number; of: number } | null;
  /** folders of other machines' shards, whose jobs are taken over first */
  merge?: readonly string[];
  /** where jobs are kept */
  folder: string;
  signal?: AbortSignal;
  /** told before the work begins: jobs to do and done before, and seconds they take at most */
  onStart?: (plan: { jobs: number; before: number; seconds: number; threads: number; backend: string }) => void;
  onProgress?: (progress: Progress) => void;
}

export interface Evaluation {
  /** what all results share */
  key: Key;
  results: JobResult[];
  /** jobs of other shards that are not there */
  missing: number;
}

/**
 * Does a protocol's jobs on a bundle: those that are not done yet, in threads with a tfjs each.
 *
 * @param screener of the bundle
 * @throws BundleError, DataError, BackendError; DoorError before anything is done, or of a job; the signal's reason
 */
export async function evaluate(request: Request, screener: Screener): Promise<Evaluation> {
  const { directory, source, unknownSource, seed, protocol, shard, folder, signal, onStart, onProgress } = request;
  const { screening } = screener;
  const dataset = await openDataset(source, signal);
  checkDataset(screening, dataset);
  const unknown = unknownSource && (await openUnknown(unknownSource, screening));
  const asked: Asked = {
    test: dataset.test.count,
    search: request.search,
    door: request.door,
    others: await bundlesBeside(directory, screening),
    unknown: unknown && { name: unknown.name, count: unknown.images.count },
    ...(request.images === undefined ? {} : { images: request.images }),
  };
  const parts = new Map(protocol.parts(screening, asked).map((part) => [part.name, part]));
  const { name, thread } = await useBackendOnCores(request.backend);
  const key = keyOf(screening, seed, name, protocol);
  if (request.merge) await mergeJobs(request.merge, folder, key);
  const jobs = jobsOf(protocol.name, [...parts.values()]);
  const known = new Map<Job, JobResult>();
  const look = async () => {
    for (const job of jobs) {
      if (known.has(job)) continue;
      const result = await doneBefore(folder, job, parts.get(job.part) as NonNullable<ReturnType<typeof parts.get>>, key);
      if (result) known.set(job, result);
    }
  };
  await look();
  const todo = jobs.filter((job, i) => !known.has(job) && (!shard || i % shard.of === shard.part));
  if (todo.length > 0) {
    if (protocol.asksDoor && request.door) await checkDoor(request.door, screening);
    const threads = Math.min(todo.length, request.threads ?? availableParallelism());
    const pool = openThreads({ subject: { directory, source, seed, unknownSource }, backend: thread, asked }, threads);
    try {
      const each = (await pool.run(undefined, { name: 'rate' })) as number;
      const work = todo.reduce((sum, job) => sum + (parts.get(job.part)?.work ?? 0) * (job.to - job.from), 0);
      onStart?.({ jobs: todo.length, before: known.size, seconds: (each * work) / threads, threads, backend: name });
      await runJobs(pool, folder, todo, parts, key, { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) });
    } finally {
      await pool.destroy();
    }
    await look();
  }
  return { key, results: jobs.flatMap((job) => known.get(job) ?? []), missing: jobs.length - known.size };
}
