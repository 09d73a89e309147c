import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { SearchResult } from './outputs.ts';
import type { SearchRequest, SearchThreadData } from './search-thread.ts';

export interface SearchThreads {
  readonly threads: readonly Worker[];
  /** Searches a batch in the next free thread; the images are moved there. @throws Error if the search failed or its thread died */
  search(batch: SearchRequest): Promise<SearchResult>;
  /** Waits for the searches under way, then ends the threads. */
  close(): Promise<void>;
  /** Ends the threads now. Call it only while nothing is searched: ending a thread inside `session.run` aborts the process. */
  destroy(): Promise<void>;
}

const SEARCH_THREAD = new URL('./search-thread.ts', import.meta.url).href;

/**
 * Starts threads that search. A thread that dies fails its batch and is replaced.
 *
 * @param onThreadEnd called when a thread has ended, with its cause if known
 * @param file script of a thread
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
    // A drain may take as long as everything that waits.
    closeTimeout: 2 ** 31 - 1,
  });
  // A thread that dies rejects its batch; other errors of the pool belong to no batch.
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
