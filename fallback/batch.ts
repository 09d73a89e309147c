import { joinResults, type SearchResult, sliceResult } from './outputs.ts';
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
}

/** A result, how long it waited for a thread, and how long the search of all its images took from then on. */
export interface Searched extends SearchResult {
  waitMs: number;
  searchMs: number;
}

/** A request in the queue. */
export interface Waiting {
  request: SearchRequest;
  count: number;
  /** The first image that no thread has taken yet. */
  next: number;
  parts: { first: number; result: SearchResult }[];
  missing: number;
  since: number;
  /** Start of its search; 0 before that. */
  begun: number;
  expires: number;
  settled: boolean;
  resolve(result: Searched): void;
  reject(error: unknown): void;
}

/** Images of one request that are searched together. */
export interface Slice {
  waiting: Waiting;
  first: number;
  count: number;
  isRetry: boolean;
}

export const countImages = (slices: readonly Slice[]) => slices.reduce((sum, { count }) => sum + count, 0);

/** Copies the images of several slices into one batch. */
export function batchOf(slices: readonly Slice[]): SearchRequest {
  const shape = slices[0]?.waiting.request.shape.slice(1) as number[];
  const size = shape.reduce((product, length) => product * length, 1);
  const count = countImages(slices);
  const images = new Float32Array(count * size);
  let filled = 0;
  for (const { waiting, first, count: n } of slices) {
    images.set(waiting.request.images.subarray(first * size, (first + n) * size), filled);
    filled += n * size;
  }
  return { images, shape: [count, ...shape] };
}

/** Gives each slice its part of a batch's result, and resolves the requests that are then complete. */
export function deliver(slices: readonly Slice[], result: SearchResult): void {
  let from = 0;
  for (const { waiting, first, count } of slices) {
    const part = { first, result: sliceResult(result, from, count) };
    from += count;
    if (waiting.settled) continue;
    waiting.parts.push(part);
    waiting.missing -= count;
    if (waiting.missing > 0) continue;
    const parts = waiting.parts.sort((a, b) => a.first - b.first).map((each) => each.result);
    const { begun, since } = waiting;
    waiting.resolve({ ...joinResults(parts), waitMs: begun - since, searchMs: performance.now() - begun });
  }
}
