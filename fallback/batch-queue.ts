import { batchOf, countImages, deliver, ExpiredError, QueueFullError, type Searched, type Slice, type Waiting } from './batch.ts';
import type { SearchResult } from './outputs.ts';
import type { SearchRequest } from './search-thread.ts';

/** Share of a request's time within which an accepted request must be expected to finish: searches may slow down while it waits. */
const SAFE_SHARE = 0.7;
/** Weight of the newest batch in the measured speed: about ten batches are remembered. */
const NEWEST = 0.2;

export interface QueueOptions {
  /** Concurrent searches, >= 1. */
  threads: number;
  /** Largest number of waiting requests, >= 0. */
  maxQueue: number;
  /** Longest wait of a request until its search begins, in ms. */
  maxWaitMs: number;
  /** Largest number of images in one search, >= 1. */
  batchSize: number;
  /** Longest time that a free thread waits for a batch to fill, in ms. */
  batchWaitMs: number;
}

/** Callbacks for metrics and logs. */
export interface QueueEvents {
  waited?(seconds: number): void;
  searched?(batch: { images: number; requests: number; seconds: number }): void;
  /** A search failed; its requests are tried once more, each alone. */
  failed?(error: unknown): void;
}

export interface RunOptions {
  /** Its abort ends the wait; images that no thread has taken are not searched. */
  signal?: AbortSignal;
  /** Time from now, in ms; a search that has not begun by then never does. */
  timeoutMs?: number;
}

export interface BatchQueue {
  /** @throws QueueFullError; ExpiredError; the signal's reason; Error if its search failed twice */
  run(request: SearchRequest, options?: RunOptions): Promise<Searched>;
  /** Called before a body is read. @throws QueueFullError if a request would be refused now */
  checkCapacity(): void;
  readonly waiting: { requests: number; images: number };
  /** Resolves when nothing waits or is searched any more; from now on no batch waits to be filled. */
  drain(): Promise<void>;
}

/**
 * Creates a bounded queue, first come, first served, that is searched in batches of images: several requests, or a part of a large
 * one. A batch whose thread dies or whose search fails is tried once more, each request alone, so that none spoils another.
 *
 * @param search searches one batch; called at most `threads` times at once
 * @param secondsPerImage speed of one thread, measured before
 */
export function createBatchQueue(
  search: (batch: SearchRequest) => Promise<SearchResult>,
  options: QueueOptions,
  secondsPerImage: number,
  events: QueueEvents = {},
): BatchQueue {
  const { threads, maxQueue, maxWaitMs, batchSize } = options;
  let { batchWaitMs } = options;
  let perImage = secondsPerImage;
  const queue: Waiting[] = [];
  const retries: Slice[] = [];
  /** Batches under way and when each was started. */
  const running = new Map<Slice[], number>();
  let onDrained: (() => void) | undefined;
  let hasTimer = false;

  const waitingImages = () => queue.reduce((sum, { count, next }) => sum + count - next, countImages(retries));
  /** Counts the requests that no thread has begun; only the first of the queue may be begun. */
  const waitingRequests = () => queue.length - (queue[0] && queue[0].next > 0 ? 1 : 0);

  /** Returns the seconds until a thread would be free for one more request. */
  function expectedWait(): number {
    const now = performance.now();
    const left = [...running].map(([slices, since]) => Math.max(0, countImages(slices) * perImage - (now - since) / 1000));
    return (waitingImages() * perImage + left.reduce((sum, seconds) => sum + seconds, 0)) / threads;
  }

  function checkCapacity(images = 0, timeoutMs = Number.POSITIVE_INFINITY): void {
    const requests = waitingRequests();
    const free = threads - running.size;
    // An idle server takes any request: the measured speed may be wrong, and only a search can correct it.
    if (free > 0 && requests === 0) return;
    const wait = expectedWait();
    if (requests >= maxQueue + free) throw new QueueFullError(`${requests} requests wait already`, wait / (requests + 1));
    const allowed = Math.min(maxWaitMs / 1000, (SAFE_SHARE * timeoutMs) / 1000 - images * perImage);
    if (wait > allowed) throw new QueueFullError(`the search would begin in ${wait.toFixed(1)} s only, which is too late`, wait - allowed);
  }

  function run(request: SearchRequest, { signal, timeoutMs = Number.POSITIVE_INFINITY }: RunOptions = {}): Promise<Searched> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const count = request.shape[0] as number;
      checkCapacity(count, timeoutMs);
      const since = performance.now();
      const waiting: Waiting = {
        ...{ request, count, next: 0, parts: [], missing: count, since, begun: 0, settled: false },
        expires: since + timeoutMs,
        resolve(result) {
          settle();
          resolve(result);
        },
        reject(error) {
          settle();
          if (queue.includes(waiting)) queue.splice(queue.indexOf(waiting), 1);
          reject(error);
        },
      };
      const longestWait = Math.min(maxWaitMs, timeoutMs);
      const timer = setTimeout(() => {
        if (waiting.begun === 0) waiting.reject(new ExpiredError(`the search did not begin within ${longestWait} ms`));
      }, longestWait);
      const cancel = () => waiting.reject(signal?.reason);
      const settle = () => {
        waiting.settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      queue.push(waiting);
      dispatch();
    });
  }

  function dispatch(): void {
    while (running.size < threads) {
      const slices = nextBatch();
      if (slices.length === 0) break;
      void searchSlices(slices);
    }
    if (running.size === 0 && queue.length === 0 && retries.length === 0) onDrained?.();
  }

  /** Takes the images to search next; none if nothing waits or a batch may still fill. */
  function nextBatch(): Slice[] {
    for (let slice = retries.shift(); slice; slice = retries.shift()) if (!slice.waiting.settled) return [slice];
    const now = performance.now();
    for (const waiting of queue.filter(({ expires }) => expires < now))
      waiting.reject(new ExpiredError('its time was up before it was searched'));
    const [oldest] = queue;
    if (!oldest) return [];
    const fillMs = oldest.since + batchWaitMs - now;
    if (fillMs > 0 && waitingImages() < batchSize) {
      if (!hasTimer)
        setTimeout(() => {
          hasTimer = false;
          dispatch();
        }, Math.ceil(fillMs));
      hasTimer = true;
      return [];
    }
    const slices: Slice[] = [];
    for (let room = batchSize; room > 0 && queue[0]; ) {
      const [waiting] = queue;
      const count = Math.min(room, waiting.count - waiting.next);
      if (waiting.begun === 0) {
        waiting.begun = now;
        events.waited?.((now - waiting.since) / 1000);
      }
      slices.push({ waiting, first: waiting.next, count, isRetry: false });
      waiting.next += count;
      room -= count;
      if (waiting.next === waiting.count) queue.shift();
    }
    return slices;
  }

  async function searchSlices(slices: Slice[]): Promise<void> {
    const started = performance.now();
    running.set(slices, started);
    const images = countImages(slices);
    try {
      const result = await search(batchOf(slices));
      const seconds = (performance.now() - started) / 1000;
      perImage += NEWEST * (seconds / images - perImage);
      events.searched?.({ images, requests: new Set(slices.map(({ waiting }) => waiting)).size, seconds });
      deliver(slices, result);
    } catch (error) {
      events.failed?.(error);
      for (const slice of slices) {
        if (slice.isRetry) slice.waiting.reject(error);
        else retries.push({ ...slice, isRetry: true });
      }
    }
    running.delete(slices);
    dispatch();
  }

  return {
    run,
    checkCapacity: () => checkCapacity(),
    get waiting() {
      return { requests: waitingRequests(), images: waitingImages() };
    },
    drain() {
      batchWaitMs = 0;
      return new Promise((resolve) => {
        onDrained = resolve;
        dispatch();
      });
    },
  };
}
