import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createApp, type Limits } from './app.ts';
import { drainOf } from './drain.ts';
import { openSearch, type Search, type SearchOptions } from './search.ts';

export interface FallbackOptions extends Limits, SearchOptions {
  /** Folder of the bundle. */
  directory: string;
  host: string;
  /** 0: any free port. */
  port: number;
}

export const defaultFallback = {
  host: '127.0.0.1',
  port: 8788,
  provider: 'auto',
  threads: 1,
  maxQueue: 64,
  maxBytes: 5 * 1024 * 1024,
  maxImages: 64,
} as const;

export interface Fallback {
  url: string;
  search: Search;
  /** Takes no more requests, answers those taken, ends. */
  close(): Promise<void>;
}

/** A request whose body does not come, or whose answer is not read, is not waited for longer than this. */
const DRAIN_SECONDS = 60;

/** @throws BundleError, ProviderError; Error where the port is taken */
export async function startFallback(options: FallbackOptions): Promise<Fallback> {
  const search = await openSearch(options.directory, options);
  const app = createApp(search, options);
  const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port }) as Server;
  const drain = drainOf(server, DRAIN_SECONDS);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
  } catch (error) {
    await search.close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw Object.assign(new Error(`port ${options.port} of ${options.host} is taken. Choose another with --port.`), { code: 'EADDRINUSE' });
  }
  const { address, port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    search,
    close: () => {
      closed ??= drain().then(search.close);
      return closed;
    },
  };
}
