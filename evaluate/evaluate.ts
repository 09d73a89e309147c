import { availableParallelism } from 'node:os';
import type { Screener } from '../node/bundle/graphs.ts';
import { type BackendChoice, usePerThreadBackend } from '../trainer/backend/backends.ts';
import { type DatasetSource, openDataset } from '../trainer/data/datasets.ts';
import { openUnknown, type UnknownSource } from './images/unknown.ts';
import { type EvaluationKey, hashedParts, type Job, type JobResult, jobsOf } from './jobs/job.ts';
import { mergeJobs, openThreads, type Progress, readFinishedJob, runJobs } from './jobs/run-jobs.ts';
import { checkDataset } from './measure/context.ts';
import { checkEndpoint, type Endpoint } from './measure/endpoint.ts';
import { otherBundles } from './measure/other-bundles.ts';
import type { Protocol, ProtocolOptions } from './measure/protocol.ts';

export interface Request {
  /** of the bundle */
  directory: string;
  source: DatasetSource;
  unknownSource: UnknownSource | null;
  seed: number;
  protocol: Protocol;
  images?: number;
  /** rejected images are reclassified, where the protocol leaves that open */
  search: boolean;
  /** a worker with this bundle, for attacks over HTTP; null without */
  endpoint: Endpoint | null;
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

/**
 * Does a protocol's jobs on a bundle that are not done yet, in threads with a tfjs each.
 *
 * @param screener of the bundle
 * @throws BundleError, DataError, BackendError; EndpointError before anything is done, or of a job; the signal's reason
 */
export async function runProtocol(request: Request, screener: Screener): Promise<Evaluation> {
  const { directory, source, unknownSource, seed, protocol, shard, folder, signal, onStart, onProgress } = request;
  const { screening } = screener;
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
  const parts = hashedParts(protocol, protocol.parts(screening, options));
  const { name, thread } = await usePerThreadBackend(request.backend);
  const key: EvaluationKey = { id: screening.id, seed, backend: name };
  if (request.merge) await mergeJobs(request.merge, folder, parts, key);
  const jobs = jobsOf(protocol.name, parts.values());
  const known = new Map<Job, JobResult>();
  const readResults = async () => {
    for (const job of jobs) {
      if (known.has(job)) continue;
      const result = await readFinishedJob(folder, job, parts, key);
      if (result) known.set(job, result);
    }
  };
  await readResults();
  const todo = jobs.filter((job, i) => !known.has(job) && (!shard || i % shard.of === shard.part));
  if (todo.length > 0) {
    if (protocol.asksEndpoint && request.endpoint) await checkEndpoint(request.endpoint, screening);
    const threads = Math.min(todo.length, request.threads ?? availableParallelism());
    const pool = openThreads({ target: { directory, source, seed, unknownSource }, backend: thread, options }, threads);
    try {
      const seconds = (await pool.run(undefined, { name: 'measureGradientTime' })) as number;
      const work = todo.reduce((sum, job) => sum + (parts.get(job.part)?.work ?? 0) * (job.to - job.from), 0);
      onStart?.({ jobs: todo.length, before: known.size, seconds: (seconds * work) / threads, threads, backend: name });
      await runJobs(pool, folder, todo, parts, key, { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) });
    } finally {
      await pool.destroy();
    }
    await readResults();
  }
  return { key, results: jobs.flatMap((job) => known.get(job) ?? []), missing: jobs.length - known.size };
}
