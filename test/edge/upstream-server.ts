import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the classifier was sent last. */
export interface Seen {
  count: number;
  sha256: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
}

/**
 * A classifier of a kind, on loopback: its path says how it behaves. `/seen` tells what came, `/label/X` answers {"label": "X"},
 * `/labels/A,B` a list, `/N` (a number) that status.
 */
export async function startUpstream(): Promise<{ url: string; close(): Promise<void> }> {
  let seen: Seen = { count: 0, sha256: '', url: '', headers: {} };
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (path === '/seen') return void response.end(JSON.stringify(seen));
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () => {
      seen = { count: seen.count + 1, sha256: hash.digest('hex'), url: request.url ?? '', headers: request.headers };
      const [, kind, what = ''] = path.split('/');
      const json = (body: unknown) => {
        response.setHeader('content-type', 'application/json');
        response.setHeader('portcullis-verdict', 'forged');
        response.setHeader('set-cookie', 'a=b');
        response.setHeader('x-classifier', 'yes');
        response.end(JSON.stringify(body));
      };
      if (kind === 'label') return json({ label: what, index: Number(what) });
      if (kind === 'labels') return json({ labels: what.split(',') });
      if (kind === 'silent') return undefined;
      if (kind === 'stalls') return void response.write('{"label":');
      if (kind === 'breaks') {
        response.setHeader('content-length', '1000');
        response.write('{"label":');
        return void setTimeout(() => response.destroy(), 50);
      }
      if (kind === 'redirects') return void response.writeHead(302, { location: '/label/7' }).end();
      if (kind === 'pieces') {
        response.write('one ');
        return void setTimeout(() => response.end('two'), 100);
      }
      if (kind === 'large') return void response.end('x'.repeat(6 * 1024 * 1024));
      return void response.writeHead(Number(kind) || 404).end('{"error":"of the classifier"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
