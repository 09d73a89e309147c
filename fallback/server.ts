import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Logger, pino } from 'pino';
import { UserError } from '../shared/user-error.ts';
import { createApp, type Limits } from './app.ts';
import { drainOf } from './drain.ts';
import { createMetrics } from './metrics.ts';
import { createRequestReader } from './request-reader.ts';
import { openSearch, type Search, type SearchOptions, type SearchWatch } from './search.ts';

export interface FallbackOptions extends Limits, SearchOptions {
  /** Folder of the bundle. */
  directory: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /** How long a connection without a request stays open. */
  keepAliveSeconds: number;
  /** Silent where there is none. */
  log?: Logger;
}

export const defaultFallback = {
  host: '127.0.0.1',
  port: 8788,
  /** Longer than a load balancer's, usually 60 s: the client side must close first, or its next request may be lost. */
  keepAliveSeconds: 75,
  provider: 'auto',
  threads: 1,
  maxQueue: 64,
  /** The worker waits 10 s for all: what begins later is too late for it. */
  maxWaitMs: 8000,
  batchSize: 'auto',
  batchWaitMs: 0,
  maxBytes: 5 * 1024 * 1024,
  maxImages: 64,
} as const;

export interface Fallback {
  url: string;
  search: Search;
  /** Takes no more requests, answers those taken, ends. */
  close(): Promise<void>;
}

/** The time for a whole request, headers included, from its first byte on: a slow one takes room from others. Idle time does not count. */
const REQUEST_TIMEOUT_MS = 30_000;

/** A request whose body does not come, or whose answer is not read, is not waited for longer than this. */
const DRAIN_SECONDS = 60;

/** @throws BundleError, ProviderError; Error where the port is taken */
export async function startFallback(options: FallbackOptions): Promise<Fallback> {
  const log = options.log ?? pino({ level: 'silent' });
  const metrics = createMetrics();
  const watch: SearchWatch = {
    ...metrics.watch,
    failed(error) {
      metrics.watch.failed?.(error);
      log.error({ event: 'search-failed', why: String(error) });
    },
    threadEnded(error) {
      metrics.watch.threadEnded?.(error);
      log[error ? 'error' : 'debug']({ event: 'search-thread-ended', why: error ? String(error) : undefined });
    },
  };
  const search = await openSearch(options.directory, { ...options, watch });
  metrics.observe(search);
  const reader = createRequestReader(search.screening, options.maxImages);
  const app = createApp({ search, reader, metrics, log }, options);
  const serverOptions = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: options.keepAliveSeconds * 1000,
    connectionsCheckingInterval: 5000,
  };
  const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port, serverOptions }) as Server;
  const drain = drainOf(server, DRAIN_SECONDS);
  const end = async () => void (await Promise.all([search.close(), reader.close()]));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
  } catch (error) {
    await end();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UserError(`port ${options.port} of ${options.host} is taken. Choose another with --port.`);
  }
  const { address, port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    search,
    close: () => {
      closed ??= drain().then(end);
      return closed;
    },
  };
}
