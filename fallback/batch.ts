import { joinResults, resultOf, type SearchResult } from './outputs.ts';
import type { SearchRequest } from './search-thread.ts';

/** More requests wait than are allowed, or more than could be answered in time. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
  /** Time until a retry makes sense, from the measured speed of the search. */
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

/** The request's time ran out before its search began, or while it waited for the rest of it. */
export class ExpiredError extends Error {
  override name = 'ExpiredError';
  readonly retryAfterSeconds = 1;
}

/** A result, how long it waited for a thread, and how long the search of all its images took from then on. */
export interface Searched extends SearchResult {
  waitMs: number;
  searchMs: number;
}

/** A request of which images wait or are searched. */
export interface Pending {
  request: SearchRequest;
  since: number;
  /** Start of its search; 0 before that. */
  begun: number;
  expires: number;
  settled: boolean;
  /** The results of the images that were searched. */
  results: SearchResult[];
  missing: number;
  resolve(result: Searched): void;
  reject(error: unknown): void;
}

/** An image of a request. */
export interface QueuedImage {
  owner: Pending;
  index: number;
}

/** Copies images into one batch. */
export function batchOf(images: readonly QueuedImage[]): SearchRequest {
  const shape = images[0]?.owner.request.shape.slice(1) as number[];
  const size = shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(images.length * size);
  for (const [i, { owner, index }] of images.entries())
    values.set(owner.request.images.subarray(index * size, (index + 1) * size), i * size);
  return { images: values, shape: [images.length, ...shape] };
}

/** Gives each image its part of a batch's result, and resolves the requests that are then complete. */
export function deliver(images: readonly QueuedImage[], result: SearchResult): void {
  for (const [i, { owner, index }] of images.entries()) {
    if (owner.settled) continue;
    owner.results[index] = resultOf(result, i);
    owner.missing -= 1;
    const { begun, since, missing, results } = owner;
    if (missing === 0) owner.resolve({ ...joinResults(results), waitMs: begun - since, searchMs: performance.now() - begun });
  }
}
