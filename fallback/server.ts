import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createHttpTerminator } from 'http-terminator';
import { type Logger, pino } from 'pino';
import { UserError } from '../shared/user-error.ts';
import { createApp, type Limits } from './app.ts';
import { createMetrics } from './metrics.ts';
import { createRequestReader } from './request-reader.ts';
import { openSearch, type Search, type SearchEvents, type SearchOptions } from './search.ts';

export interface FallbackOptions extends Limits, SearchOptions {
  /** Folder of the bundle. */
  directory: string;
  host: string;
  /** 0 means any free port. */
  port: number;
  /** Time that an idle connection stays open. */
  keepAliveSeconds: number;
  /** Silent by default. */
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
  /** The worker waits 10 s in all: a search that begins later is too late for it. */
  maxWaitMs: 8000,
  batchSize: 'auto',
  batchWaitMs: 0,
  maxBytes: 5 * 1024 * 1024,
  maxImages: 64,
} as const;

export interface Fallback {
  url: string;
  search: Search;
  /** Takes no more requests, answers those it has taken, ends. */
  close(): Promise<void>;
}

/** Time limit of a whole request from its first byte on: a slow one takes room from others. Idle time does not count. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Time limit of the shutdown for a request whose body does not arrive or whose answer is not read. */
const SHUTDOWN_TIMEOUT_MS = 60_000;

/** Starts the fallback. @throws BundleError, ProviderError; UserError if the port is taken */
export async function startFallback(options: FallbackOptions): Promise<Fallback> {
  const log = options.log ?? pino({ level: 'silent' });
  const metrics = createMetrics();
  const events: SearchEvents = {
    ...metrics.events,
    failed(error) {
      metrics.events.failed?.(error);
      log.error({ event: 'search-failed', why: String(error) });
    },
    threadEnded(error) {
      metrics.events.threadEnded?.(error);
      log[error ? 'error' : 'debug']({ event: 'search-thread-ended', why: error ? String(error) : undefined });
    },
  };
  const search = await openSearch(options.directory, { ...options, events });
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
  // Node's own close would wait a minute for a connection that never sent a request.
  const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: SHUTDOWN_TIMEOUT_MS });
  const endThreads = async () => void (await Promise.all([search.close(), reader.close()]));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
  } catch (error) {
    await endThreads();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UserError(`port ${options.port} of ${options.host} is taken. Choose another with --port.`);
  }
  const { address, port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    search,
    close: () => {
      closed ??= terminator.terminate().then(endThreads);
      return closed;
    },
  };
}
