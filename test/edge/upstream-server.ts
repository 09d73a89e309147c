import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

/** The last request that the classifier got. */
export interface Seen {
  count: number;
  sha256: string;
  /** base64 of the body, where it is short. */
  body: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
}

/** Headers of an answer that would affect the client's page, or concern the connection alone. */
const HEADERS = {
  ...{ connection: 'close, x-named', 'x-named': 'n', 'x-kept': 'k', 'retry-after': '3', 'keep-alive': 'timeout=1', trailer: 'x-t' },
  ...{ 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true', 'clear-site-data': '"*"', refresh: '0; url=/' },
  ...{ 'content-security-policy': 'default-src *', server: 's', 'proxy-authenticate': 'Basic' },
};

/**
 * A classifier of a kind, on loopback: its path says how it behaves. `/seen` tells what came, `/label/X` answers {"label": "X"},
 * `/labels/A,B` a list, `/N` (a number) that status.
 */
export async function startUpstream(): Promise<{ url: string; close(): Promise<void> }> {
  let seen: Seen = { count: 0, sha256: '', body: '', url: '', headers: {} };
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (path === '/seen') return void response.end(JSON.stringify(seen));
    const hash = createHash('sha256');
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => {
      hash.update(chunk);
      if (chunks.length < 100) chunks.push(chunk);
    });
    request.on('end', () => {
      const body = Buffer.concat(chunks)
        .subarray(0, 256 * 1024)
        .toString('base64');
      seen = { count: seen.count + 1, sha256: hash.digest('hex'), body, url: request.url ?? '', headers: request.headers };
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
        return void response.write('{"label":', () => response.destroy());
      }
      if (kind === 'encoded') {
        const text = JSON.stringify({ label: '7', padding: 'x'.repeat(500) });
        const encoded = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync, zstd: zstdCompressSync }[what] as (
          text: string,
        ) => Buffer;
        response.setHeader('content-type', 'application/json');
        response.setHeader('content-encoding', what);
        return void response.end(encoded(text));
      }
      if (kind === 'headers') {
        for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
        return json({});
      }
      if (kind === 'redirects') return void response.writeHead(302, { location: '/label/7' }).end();
      if (kind === 'pieces') {
        return void response.write('one ', () => response.end('two'));
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
