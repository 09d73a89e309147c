import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { SearchResult } from './search-result.ts';
import type { SearchRequest, SearchThreadData } from './search-thread.ts';

export interface SearchThreads {
  /** To watch them. */
  readonly threads: readonly Worker[];
  /** Searches a batch in the next free thread. The images are moved there. @throws Error where the search failed or its thread died */
  search(batch: SearchRequest): Promise<SearchResult>;
  /** Waits for what is under way, then ends the threads. */
  close(): Promise<void>;
  /** Ends the threads now. Only while nothing is under way: a thread that is ended inside `session.run` aborts the process. */
  destroy(): Promise<void>;
}

const SEARCH_THREAD = new URL('./search-thread.ts', import.meta.url).href;

/**
 * Threads that search. One that dies fails its batch and is replaced.
 *
 * @param onThreadEnd called when a thread has ended, and with what is known of its cause
 * @param file what a thread runs
 */
export function createSearchThreads(
  workerData: SearchThreadData,
  count: number,
  onThreadEnd: (error?: unknown) => void,
  file = SEARCH_THREAD,
): SearchThreads {
  const pool = new Piscina<SearchRequest, SearchResult>({
    filename: file,
    workerData,
    minThreads: count,
    maxThreads: count,
    // A drain may take as long as all that waits.
    closeTimeout: 2 ** 31 - 1,
  });
  // A thread that dies rejects its batch; what else the pool says of it belongs to none.
  pool.on('error', onThreadEnd);
  pool.on('workerDestroy', () => onThreadEnd());
  return {
    get threads() {
      return pool.threads;
    },
    search: (batch) => pool.run(batch, { transferList: [batch.images.buffer as ArrayBuffer] }),
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}
