import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it reached the upstream. */
export interface Captured {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Capture {
  url: string;
  /** Returns the requests since the last call, oldest first. */
  taken(): Captured[];
  close(): Promise<void>;
}

/** Starts an upstream on loopback that keeps what it is sent and answers `{}`. */
export async function startCapture(): Promise<Capture> {
  let captured: Captured[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      if (request.method === 'POST') captured.push({ url: request.url ?? '', headers, body: Buffer.concat(chunks) });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => {
      const all = captured;
      captured = [];
      return all;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
