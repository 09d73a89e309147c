import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonBody, type Route, type Told } from './route.ts';

const LIMIT_MS = 60_000;

/** The page's script: sends the image by fetch, its forms by FormData with the file that an input would give, and reports to the bench. */
const SCRIPT = `
const { routes, json } = await (await fetch('/given')).json();
const blob = await (await fetch('/digit.png')).blob();
const told = [];
for (const { route, kind, url } of routes) {
  const form = new FormData();
  form.append('image', new File([blob], 'digit.png', { type: 'image/png' }));
  const body = kind === 'form' ? form : kind === 'file' ? blob : json[kind];
  const headers = kind === 'json' || kind === 'v2' ? { 'Content-Type': 'application/json' } : {};
  try {
    const answer = await fetch(url, { method: 'POST', body, headers });
    told.push({ client: 'Chromium fetch', route, status: answer.status, said: await answer.text() });
  } catch (error) {
    told.push({ client: 'Chromium fetch', route, status: 0, said: String(error) });
  }
}
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
`;

/** A page that headless Chromium opens; its origin is the only one that the worker's CORS_ORIGINS allows. */
export interface Page {
  origin: string;
  /** Sends the image from the page. @throws Error where Chromium does not tell within a minute */
  byChromium(routes: readonly Route[]): Promise<Told[]>;
  close(): Promise<void>;
}

/** @param chromium its command, such as chromium */
export async function openPage(image: Buffer, chromium: string): Promise<Page> {
  let given: readonly Route[] = [];
  let tell: (told: Told[]) => void = () => undefined;
  const server = createServer((request, response) => {
    if (request.url === '/digit.png') return void response.writeHead(200, { 'content-type': 'image/png' }).end(image);
    if (request.url === '/given')
      return void response.end(JSON.stringify({ routes: given, json: { json: jsonBody('json', image), v2: jsonBody('v2', image) } }));
    if (request.url === '/told') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      return void request.on('end', () => {
        response.end();
        tell(JSON.parse(Buffer.concat(chunks).toString()) as Told[]);
      });
    }
    return void response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<!doctype html><title>.</title><script type="module">${SCRIPT}</script>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    byChromium: async (routes) => {
      given = routes;
      const profile = await mkdtemp(join(tmpdir(), 'portcullis-chromium-'));
      const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0'];
      const child = spawn(chromium, [...flags, `--user-data-dir=${profile}`, `${origin}/`], { stdio: 'ignore', detached: true });
      const ended = once(child, 'exit');
      try {
        return await new Promise<Told[]>((resolve, reject) => {
          tell = resolve;
          child.once('error', reject);
          setTimeout(() => reject(new Error(`${chromium} told nothing within ${LIMIT_MS} ms`)), LIMIT_MS).unref();
        });
      } finally {
        // Its own group: Chromium's processes and nobody else's.
        if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
        if (child.pid) await ended;
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
