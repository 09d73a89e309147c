import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt, labelsAt } from '../../trainer/data/dataset.ts';
import { gradientCheckSchema, otherFigureSchema, outcomeSchema } from '../protocols/outcome.ts';
import type { Chosen, Part, Protocol } from '../protocols/protocol.ts';
import type { Setup } from '../protocols/setup.ts';
import { attacksHash } from './source-hash.ts';

/** Some images of a part of a protocol: what one thread does at a time, and one file holds. */
export interface Job {
  protocol: string;
  part: string;
  /** places of its images, [from, to) */
  from: number;
  to: number;
}

/** What a job's file holds: its outcomes, and all that they depend on. Another value of any of it is another job. */
export const jobResultSchema = z.strictObject({
  version: z.literal(1),
  /** of the bundle */
  id: z.string(),
  seed: z.int(),
  backend: z.string(),
  /** sha256 of the source of the attacks that the protocol uses */
  attacks: z.string(),
  protocol: z.string(),
  part: z.string(),
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

/** All jobs of a protocol, in an order that does not depend on who does them. */
export function jobsOf(protocol: string, parts: readonly Part[]): Job[] {
  return parts.flatMap((part) =>
    Array.from({ length: Math.ceil(part.images / part.atOnce) }, (_, i) => ({
      ...{ protocol, part: part.name, from: i * part.atOnce },
      to: Math.min(part.images, (i + 1) * part.atOnce),
    })),
  );
}

/** Name of a job's file: `nearest-from-outside-linf.0-10.json`. */
export function fileOf({ part, from, to }: Job): string {
  const plain = part
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${plain}.${from}-${to}.json`;
}

/**
 * The test images of a job: those of the seed's order at its places. Parts that begin with nothing take the numbers and seeds alone.
 */
export function chosenFor(
  { dataset, seed }: Pick<Setup, 'dataset' | 'seed'>,
  { from, to }: Pick<Job, 'from' | 'to'>,
  drawn = false,
): Chosen {
  const order = randomFrom(seed, 'image-sets').shuffle(Array.from({ length: dataset.test.count }, (_, i) => i));
  const indices = drawn ? [] : order.slice(from, to);
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    numbers,
    images: imagesAt(dataset.test, indices),
    labels: labelsAt(dataset.test, indices),
    seeds: numbers.map((number) => mixed(seed * 1_000_003 + number)),
  };
}

/** Seeds in a row give random numbers in a row: mixed, 32 bits (the finalizer of MurmurHash3), they do not. */
function mixed(seed: number): number {
  const first = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return second ^ (second >>> 16);
}

/** Where an evaluation keeps its jobs and its report: `runs/evaluate/NAME-ID/PROTOCOL`. */
export function evaluationFolder(directory: string, { id }: Pick<Screening, 'id'>, protocol: string, root = 'runs'): string {
  return join(root, 'evaluate', `${basename(directory)}-${id.slice(0, 12)}`, protocol);
}

/** What a result has in common with all others that belong beside it. */
export const keyOf = (screening: Screening, seed: number, backend: string, { source }: Pick<Protocol, 'source'>) => ({
  ...{ id: screening.id, seed, backend },
  attacks: attacksHash(source),
});
