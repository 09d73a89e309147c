import { request } from 'node:http';
import type { Built } from './built.ts';

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/**
 * Sends a body exactly as it was built: path and headers unchanged, repeated headers included.
 *
 * @param more headers besides
 * @throws Error if there is no answer
 */
export function sendBuilt(url: string, { headers, bytes }: Built, path: string, more: [string, string][] = []): Promise<Answered> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const flat = [
      ...headers,
      ...more,
      ['Host', `${hostname}:${port}`],
      ['Content-Length', String(bytes.length)],
      ['Connection', 'close'],
    ].flat();
    const outgoing = request({ hostname, port, path, method: 'POST', headers: flat as never }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode as number, headers: incoming.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
