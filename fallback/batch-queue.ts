import { ExpiredError, QueueFullError } from './refusals.ts';
import { joined, partOf, type SearchResult } from './search-result.ts';
import type { SearchRequest } from './search-thread.ts';
import { createThroughput } from './throughput.ts';

/** The share of a request's time by which it is expected to be answered where it is taken: searches may slow down while it waits. */
const SURE = 0.7;

export interface QueueOptions {
  /** Searches at once, >= 1. */
  threads: number;
  /** Requests that may wait, >= 0. */
  maxQueue: number;
  /** How long a request may wait until its search begins, in ms. */
  maxWaitMs: number;
  /** Images in one search, >= 1. */
  batchSize: number;
  /** How long a free thread waits for a batch to fill, in ms. */
  batchWaitMs: number;
}

/** Called as things happen, for metrics and logs. */
export interface QueueWatch {
  waited?(seconds: number): void;
  searched?(batch: { images: number; requests: number; seconds: number }): void;
  /** A search failed; its requests are tried once more, each alone. */
  failed?(error: unknown): void;
}

export interface RunOptions {
  /** Its abort ends the wait; what is not yet searched never is. */
  signal?: AbortSignal;
  /** From now on, in ms; a search that has not begun by then never does. */
  timeoutMs?: number;
}

/** A result, how long it waited until a thread took it, and how long until all of it was searched from then on. */
export interface Searched extends SearchResult {
  waitMs: number;
  searchMs: number;
}

export interface BatchQueue {
  /** @throws QueueFullError; ExpiredError; the signal's reason; Error where its search failed twice */
  run(request: SearchRequest, options?: RunOptions): Promise<Searched>;
  /** Asked before a body is read. @throws QueueFullError where a request would be refused now */
  checkRoom(): void;
  readonly waiting: { requests: number; images: number };
  /** Resolves when nothing waits or is searched any more; from now on no batch waits to be filled. */
  drained(): Promise<void>;
}

interface Waiting {
  request: SearchRequest;
  count: number;
  /** The first image that no thread has taken yet. */
  next: number;
  found: { first: number; result: SearchResult }[];
  missing: number;
  since: number;
  begun: number;
  expires: number;
  ended: boolean;
  resolve(result: Searched): void;
  end(error: unknown): void;
}

/** Images of one request that are searched together. */
interface Slice {
  of: Waiting;
  first: number;
  count: number;
  again: boolean;
}

/**
 * A bounded queue, first come, first served, whose head is searched in batches of images: of several requests, or of a part of a
 * large one. A batch whose thread dies or whose search fails is tried once more, each request alone, so that none spoils another.
 *
 * @param search one batch, at most `threads` at a time
 * @param secondsPerImage of one thread, measured before
 */
export function createBatchQueue(
  search: (batch: SearchRequest) => Promise<SearchResult>,
  options: QueueOptions,
  secondsPerImage: number,
  watch: QueueWatch = {},
): BatchQueue {
  const { threads, maxQueue, maxWaitMs, batchSize } = options;
  let { batchWaitMs } = options;
  const throughput = createThroughput(secondsPerImage);
  const line: Waiting[] = [];
  const again: Slice[] = [];
  const underWay = new Map<Slice[], number>();
  let whenDrained: (() => void) | undefined;
  let timed = false;

  const imagesOf = (slices: readonly Slice[]) => slices.reduce((sum, { count }) => sum + count, 0);
  const waitingImages = () => line.reduce((sum, { count, next }) => sum + count - next, imagesOf(again));
  /** Those of which nothing was taken yet; only the first of the line may be in part. */
  const waitingRequests = () => line.length - (line[0] && line[0].next > 0 ? 1 : 0);

  /** Seconds until a thread would be free for one more request. */
  function expectedWait(): number {
    const now = performance.now();
    const perImage = throughput.secondsPerImage;
    const left = [...underWay].map(([slices, since]) => Math.max(0, imagesOf(slices) * perImage - (now - since) / 1000));
    return (waitingImages() * perImage + left.reduce((sum, seconds) => sum + seconds, 0)) / threads;
  }

  function checkRoom(images = 0, timeoutMs = Number.POSITIVE_INFINITY): void {
    const requests = waitingRequests();
    const free = threads - underWay.size;
    // An idle server takes anything: what it measured may be wrong, and only a search can show it.
    if (free > 0 && requests === 0) return;
    const wait = expectedWait();
    if (requests >= maxQueue + free) throw new QueueFullError(`${requests} requests wait already`, wait / (requests + 1));
    const allowed = Math.min(maxWaitMs / 1000, (SURE * timeoutMs) / 1000 - images * throughput.secondsPerImage);
    if (wait > allowed) throw new QueueFullError(`the search would begin in ${wait.toFixed(1)} s only, which is too late`, wait - allowed);
  }

  function run(request: SearchRequest, { signal, timeoutMs = Number.POSITIVE_INFINITY }: RunOptions = {}): Promise<Searched> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const count = request.shape[0] as number;
      checkRoom(count, timeoutMs);
      const since = performance.now();
      const waiting: Waiting = {
        ...{ request, count, next: 0, found: [], missing: count, since, begun: 0, ended: false },
        expires: since + timeoutMs,
        resolve(result) {
          finish();
          resolve(result);
        },
        end(error) {
          finish();
          if (line.includes(waiting)) line.splice(line.indexOf(waiting), 1);
          reject(error);
        },
      };
      const patience = Math.min(maxWaitMs, timeoutMs);
      const late = setTimeout(() => {
        if (waiting.begun === 0) waiting.end(new ExpiredError(`the search did not begin within ${patience} ms`));
      }, patience);
      const cancel = () => waiting.end(signal?.reason);
      const finish = () => {
        waiting.ended = true;
        clearTimeout(late);
        signal?.removeEventListener('abort', cancel);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      line.push(waiting);
      dispatch();
    });
  }

  function dispatch(): void {
    while (underWay.size < threads) {
      const slices = take();
      if (slices.length === 0) break;
      void searchSlices(slices);
    }
    if (underWay.size === 0 && line.length === 0 && again.length === 0) whenDrained?.();
  }

  function take(): Slice[] {
    for (let slice = again.shift(); slice; slice = again.shift()) if (!slice.of.ended) return [slice];
    const now = performance.now();
    for (const waiting of line.filter(({ expires }) => expires < now))
      waiting.end(new ExpiredError('its time was up before it was searched'));
    const [oldest] = line;
    if (!oldest) return [];
    const patience = oldest.since + batchWaitMs - now;
    if (patience > 0 && waitingImages() < batchSize) {
      if (!timed)
        setTimeout(() => {
          timed = false;
          dispatch();
        }, Math.ceil(patience));
      timed = true;
      return [];
    }
    const slices: Slice[] = [];
    for (let room = batchSize; room > 0 && line[0]; ) {
      const [of] = line;
      const count = Math.min(room, of.count - of.next);
      if (of.begun === 0) {
        of.begun = now;
        watch.waited?.((now - of.since) / 1000);
      }
      slices.push({ of, first: of.next, count, again: false });
      of.next += count;
      room -= count;
      if (of.next === of.count) line.shift();
    }
    return slices;
  }

  async function searchSlices(slices: Slice[]): Promise<void> {
    const started = performance.now();
    underWay.set(slices, started);
    const images = imagesOf(slices);
    try {
      const result = await search(batchOf(slices));
      const seconds = (performance.now() - started) / 1000;
      throughput.record(images, seconds);
      watch.searched?.({ images, requests: new Set(slices.map(({ of }) => of)).size, seconds });
      let at = 0;
      for (const slice of slices) {
        give(slice, partOf(result, at, slice.count));
        at += slice.count;
      }
    } catch (error) {
      watch.failed?.(error);
      for (const slice of slices) {
        if (slice.again) slice.of.end(error);
        else again.push({ ...slice, again: true });
      }
    }
    underWay.delete(slices);
    dispatch();
  }

  return {
    run,
    checkRoom: () => checkRoom(),
    get waiting() {
      return { requests: waitingRequests(), images: waitingImages() };
    },
    drained() {
      batchWaitMs = 0;
      return new Promise((resolve) => {
        whenDrained = resolve;
        dispatch();
      });
    },
  };
}

function batchOf(slices: readonly Slice[]): SearchRequest {
  const shape = slices[0]?.of.request.shape.slice(1) as number[];
  const size = shape.reduce((product, length) => product * length, 1);
  const count = slices.reduce((sum, slice) => sum + slice.count, 0);
  const images = new Float32Array(count * size);
  let at = 0;
  for (const { of, first, count: n } of slices) {
    images.set(of.request.images.subarray(first * size, (first + n) * size), at);
    at += n * size;
  }
  return { images, shape: [count, ...shape] };
}

/** A result for whom it is, who may have gone. */
function give({ of, first, count }: Slice, result: SearchResult): void {
  if (of.ended) return;
  of.found.push({ first, result });
  of.missing -= count;
  if (of.missing > 0) return;
  const parts = of.found.sort((a, b) => a.first - b.first).map((part) => part.result);
  of.resolve({ ...joined(parts), waitMs: of.begun - of.since, searchMs: performance.now() - of.begun });
}
