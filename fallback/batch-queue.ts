import { batchOf, deliver, ExpiredError, type Pending, type QueuedImage, QueueFullError, type Searched } from './batch.ts';
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
  let queue: QueuedImage[] = [];
  /** The images of failed batches, those of each request apart. */
  const retries: QueuedImage[][] = [];
  /** Batches under way and when each was started. */
  const running = new Map<QueuedImage[], number>();
  let onDrained: (() => void) | undefined;
  let hasTimer = false;

  const waitingImages = () => queue.length + retries.flat().length;
  /** Counts the requests that no thread has begun. */
  const waitingRequests = () => new Set(queue.flatMap(({ owner }) => (owner.begun === 0 ? [owner] : []))).size;

  /** Returns the seconds until a thread would be free for one more request. */
  function expectedWait(): number {
    const now = performance.now();
    const left = [...running].map(([images, since]) => Math.max(0, images.length * perImage - (now - since) / 1000));
    return left.reduce((sum, seconds) => sum + seconds, waitingImages() * perImage) / threads;
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
      const settle = () => {
        owner.settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      const owner: Pending = {
        ...{ request, since, begun: 0, expires: since + timeoutMs, settled: false, results: [], missing: count },
        resolve(result) {
          settle();
          resolve(result);
        },
        reject(error) {
          settle();
          queue = queue.filter((image) => image.owner !== owner);
          reject(error);
        },
      };
      const longestWait = Math.min(maxWaitMs, timeoutMs);
      const timer = setTimeout(() => {
        if (owner.begun === 0) owner.reject(new ExpiredError(`the search did not begin within ${longestWait} ms`));
      }, longestWait);
      const cancel = () => owner.reject(signal?.reason);
      signal?.addEventListener('abort', cancel, { once: true });
      queue.push(...Array.from({ length: count }, (_, index) => ({ owner, index })));
      dispatch();
    });
  }

  function dispatch(): void {
    while (running.size < threads) {
      const retry = retries.shift();
      const images = retry ? retry.filter(({ owner }) => !owner.settled) : nextBatch();
      if (images.length > 0) void searchBatch(images, retry !== undefined);
      else if (!retry) break;
    }
    if (running.size === 0 && queue.length === 0 && retries.length === 0) onDrained?.();
  }

  /** Takes the images to search next; none if nothing waits or a batch may still fill. */
  function nextBatch(): QueuedImage[] {
    const now = performance.now();
    for (const { owner } of queue) if (owner.expires < now) owner.reject(new ExpiredError('its time was up before it was searched'));
    const [oldest] = queue;
    if (!oldest) return [];
    const fillMs = oldest.owner.since + batchWaitMs - now;
    if (fillMs > 0 && waitingImages() < batchSize) {
      if (!hasTimer)
        setTimeout(() => {
          hasTimer = false;
          dispatch();
        }, Math.ceil(fillMs));
      hasTimer = true;
      return [];
    }
    const images = queue.splice(0, batchSize);
    for (const { owner } of images) {
      if (owner.begun > 0) continue;
      owner.begun = now;
      events.waited?.((now - owner.since) / 1000);
    }
    return images;
  }

  async function searchBatch(images: QueuedImage[], isRetry: boolean): Promise<void> {
    const started = performance.now();
    running.set(images, started);
    const owners = new Set(images.map(({ owner }) => owner));
    try {
      const result = await search(batchOf(images));
      const seconds = (performance.now() - started) / 1000;
      perImage += NEWEST * (seconds / images.length - perImage);
      events.searched?.({ images: images.length, requests: owners.size, seconds });
      deliver(images, result);
    } catch (error) {
      events.failed?.(error);
      for (const owner of owners)
        if (isRetry) owner.reject(error);
        else retries.push(images.filter((image) => image.owner === owner));
    }
    running.delete(images);
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
