import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { descriptorSchema, gradientCheckSchema, otherFigureSchema, outcomeSchema } from '../measure/outcome.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { sourceHash } from './source-hash.ts';

/** Some images of a part of a protocol: what one thread does at a time, and one file holds. */
export interface Job {
  protocol: string;
  part: Part;
  /** hash of the part's sources */
  source: string;
  /** places of its images, [from, to) */
  from: number;
  to: number;
}

/** Version of the jobs' files. Those of another version are done again. */
const VERSION = 2;

/** The file of a job: its outcomes, and everything that they depend on. Where any of that differs, it is another job. */
export const jobResultSchema = z.strictObject({
  version: z.literal(VERSION),
  /** of the bundle */
  id: z.string(),
  seed: z.int(),
  backend: z.string(),
  /** sha256 of the code that the part's outcomes depend on */
  source: z.string(),
  protocol: z.string(),
  part: z.string(),
  descriptor: descriptorSchema,
  about: z.string(),
  images: z.int(),
  from: z.int(),
  to: z.int(),
  seconds: z.number(),
  outcomes: z.array(outcomeSchema),
  gradients: z.array(gradientCheckSchema).default([]),
  figures: z.array(otherFigureSchema).default([]),
});

export type JobResult = z.infer<typeof jobResultSchema>;

/** The fields that all results of an evaluation share. */
export type EvaluationKey = Pick<JobResult, 'id' | 'seed' | 'backend'>;

/** Lists all jobs of a protocol, in an order that does not depend on who does them. */
export function jobsOf(protocol: Protocol, parts: readonly Part[]): Job[] {
  return parts.flatMap((part) => {
    const shared = { protocol: protocol.name, part, source: sourceHash(part, protocol) };
    return Array.from({ length: Math.ceil(part.images / part.atOnce) }, (_, i) => ({
      ...{ ...shared, from: i * part.atOnce, to: Math.min(part.images, (i + 1) * part.atOnce) },
    }));
  });
}

/** Estimates the gradients that jobs take at most. */
export const workOf = (jobs: readonly Job[]) => jobs.reduce((sum, { part, from, to }) => sum + part.work * (to - from), 0);

/** Names a job's file: `nearest-from-outside-linf.0-10.json`. */
export function fileOf({ part, from, to }: Job): string {
  const plain = part.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${plain}.${from}-${to}.json`;
}

/** Returns the fields of a job's file that are known before the job is done. */
export function jobMetadata({ part, ...job }: Job, key: EvaluationKey) {
  const { name, descriptor, about, images } = part;
  return { version: VERSION as typeof VERSION, ...key, ...job, part: name, descriptor, about, images };
}

/**
 * Returns an existing result if everything that it depends on is the same, otherwise null. A job does not depend on the part's total
 * number of images: a result of an evaluation of more or fewer images is reused, with this evaluation's number.
 */
export function reusableResult(result: JobResult | null, job: Job, key: EvaluationKey): JobResult | null {
  if (!result) return null;
  const { images, ...wanted } = jobMetadata(job, key);
  const same = Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(result[name as keyof JobResult], value));
  return same ? { ...result, images } : null;
}
