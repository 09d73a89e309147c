import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { SearchRequest, SearchResult, SearchThreadData } from './search-thread.ts';

export interface SearchPool {
  /** Its threads, to watch them. */
  readonly threads: readonly Worker[];
  /**
   * @param options.signal ends the search early; one that waits is never begun
   * @param options.always takes the request however many wait
   * @throws QueueFullError; the signal's reason; Error where the search failed or its thread died
   */
  run(request: SearchRequest, options?: { signal?: AbortSignal; always?: boolean }): Promise<SearchResult>;
  /** Waits for what is under way, then ends the threads. */
  close(): Promise<void>;
  /** Ends the threads now. Only while nothing is under way: a thread that is ended inside `session.run` aborts the process. */
  destroy(): Promise<void>;
}

/** More requests wait than are allowed. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
  /** When to ask again, from the time that the last search took. */
  readonly retryAfterSeconds: number;
  constructor(waiting: number, retryAfterSeconds: number) {
    super(`${waiting} requests wait already`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Threads that search, and a bounded queue before them. A thread that dies fails its request and is replaced.
 *
 * @param onThreadEnd called when a thread has ended, whatever the cause
 */
export function createSearchPool(
  workerData: SearchThreadData,
  { threads, maxQueue }: { threads: number; maxQueue: number },
  onThreadEnd: () => void,
): SearchPool {
  const pool = new Piscina<SearchRequest, SearchResult | null>({
    filename: new URL('./search-thread.ts', import.meta.url).href,
    workerData,
    minThreads: threads,
    maxThreads: threads,
    // A drain may take as long as all that waits.
    closeTimeout: 2 ** 31 - 1,
  });
  // A thread that dies rejects its request; what else the pool says of it belongs to no request.
  pool.on('error', (error) => console.error(JSON.stringify({ event: 'search-thread', why: String(error) })));
  pool.on('workerDestroy', onThreadEnd);
  let taken = 0;
  let lastSeconds = 1;
  return {
    get threads() {
      return pool.threads;
    },
    async run(request, { signal, always } = {}) {
      signal?.throwIfAborted();
      if (!always && taken >= threads + maxQueue) throw new QueueFullError(maxQueue, Math.max(1, Math.ceil(lastSeconds)));
      taken++;
      const started = performance.now();
      const cancelled = new Int32Array(new SharedArrayBuffer(4));
      const cancel = () => void Atomics.store(cancelled, 0, 1);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        const result = await pool.run({ ...request, cancelled });
        if (result) return result;
        throw signal?.reason;
      } finally {
        signal?.removeEventListener('abort', cancel);
        taken--;
        lastSeconds = (performance.now() - started) / 1000;
      }
    },
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}
