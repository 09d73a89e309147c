import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { Piscina } from 'piscina';
import type { Screener } from '../node/bundle/graphs.ts';
import { projectPath } from '../node/project-folder.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type BackendChoice, usePerThreadBackend } from '../trainer/backend/backends.ts';
import { openDataset } from '../trainer/data/datasets.ts';
import { openUnknown } from './images/unknown.ts';
import { type EvaluationKey, type Job, type JobResult, jobsOf, workOf } from './jobs/job.ts';
import type { JobThreadData } from './jobs/job-worker.ts';
import { mergeJobs, type Progress, readFinishedJob, runJobs } from './jobs/run-jobs.ts';
import { checkDataset, type EvaluationTarget } from './measure/context.ts';
import { checkEndpoint } from './measure/endpoint.ts';
import { otherBundles } from './measure/other-bundles.ts';
import type { Protocol, ProtocolOptions } from './measure/protocol.ts';

export interface Request extends EvaluationTarget, Pick<ProtocolOptions, 'images' | 'search' | 'endpoint'> {
  protocol: Protocol;
  backend: BackendChoice;
  threads?: number;
  /** only each `of`-th job, from the `part`-th */
  shard: { part: number; of: number } | null;
  /** folders of other machines' shards, whose jobs are copied first */
  merge?: readonly string[];
  /** where jobs are kept */
  folder: string;
  signal?: AbortSignal;
  /** called before the work begins, with the jobs to do and done before, and the seconds they take at most */
  onStart?: (plan: { jobs: number; before: number; seconds: number; threads: number; backend: string }) => void;
  onProgress?: (progress: Progress) => void;
}

export interface Evaluation {
  /** what all results share */
  key: EvaluationKey;
  results: JobResult[];
  /** jobs of other shards that are missing */
  missing: number;
}

/** The folder of an evaluation's jobs and report: `runs/evaluate/NAME-ID/PROTOCOL`. */
export function evaluationFolder(directory: string, { id }: Pick<Screening, 'id'>, protocol: string, root = projectPath('runs')): string {
  return join(root, 'evaluate', `${basename(directory)}-${id.slice(0, 12)}`, protocol);
}

/**
 * Does a protocol's jobs on a bundle that are not done yet, in threads with a tfjs each.
 *
 * @param screener of the bundle
 * @throws BundleError, DataError, BackendError; EndpointError before anything is done, or of a job; the signal's reason
 */
export async function runProtocol(request: Request, { screening }: Screener): Promise<Evaluation> {
  const { directory, source, unknownSource, seed, protocol, shard, folder, signal, onStart, onProgress } = request;
  const dataset = await openDataset(source, signal);
  checkDataset(screening, dataset);
  const unknown = unknownSource && (await openUnknown(unknownSource, screening));
  const options: ProtocolOptions = {
    test: dataset.test.count,
    search: request.search,
    endpoint: request.endpoint,
    others: await otherBundles(directory, screening),
    unknown: unknown && { name: unknown.name, count: unknown.images.count, sha256: unknown.sha256 },
    ...(request.images === undefined ? {} : { images: request.images }),
  };
  const jobs = jobsOf(protocol, protocol.parts(screening, options));
  const { name: backend, thread } = await usePerThreadBackend(request.backend);
  const key: EvaluationKey = { id: screening.id, seed, backend };
  if (request.merge) await mergeJobs(request.merge, folder, jobs, key);
  const known = new Map<Job, JobResult>();
  const readResults = async () => {
    for (const job of jobs) {
      const result = known.get(job) ?? (await readFinishedJob(folder, job, key));
      if (result) known.set(job, result);
    }
  };
  await readResults();
  const todo = jobs.filter((job, i) => !known.has(job) && (!shard || i % shard.of === shard.part));
  if (todo.length > 0) {
    if (protocol.asksEndpoint && request.endpoint) await checkEndpoint(request.endpoint, screening);
    const threads = Math.min(todo.length, request.threads ?? availableParallelism());
    const workerData: JobThreadData = { target: { directory, source, seed, unknownSource }, backend: thread, options };
    const filename = new URL('./jobs/job-worker.ts', import.meta.url).href;
    const pool = new Piscina({ filename, workerData, minThreads: 1, maxThreads: threads, idleTimeout: 60_000 });
    try {
      const secondsAGradient = (await pool.run(undefined, { name: 'measureGradientTime' })) as number;
      const seconds = (secondsAGradient * workOf(todo)) / threads;
      onStart?.({ jobs: todo.length, before: known.size, seconds, threads, backend });
      await runJobs(pool, folder, todo, key, { signal, onProgress });
    } finally {
      await pool.destroy();
    }
    await readResults();
  }
  return { key, results: jobs.flatMap((job) => known.get(job) ?? []), missing: jobs.length - known.size };
}
