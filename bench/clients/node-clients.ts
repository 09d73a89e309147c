import { execFile } from 'node:child_process';
import { createReadStream, openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import axios from 'axios';
import { jsonBody, type Route, type Told } from './route.ts';

const run = promisify(execFile);

/** Sends the image by Node's fetch (undici), as its FormData encodes it. */
export async function byFetch(image: string, routes: readonly Route[]): Promise<Told[]> {
  return each('Node fetch', routes, async ({ kind, url }) => {
    const form = new FormData();
    form.append('image', await openAsBlob(image, { type: 'image/png' }), 'digit.png');
    const bytes = await readFile(image);
    const answer = await fetch(
      url,
      kind === 'form'
        ? { method: 'POST', body: form }
        : {
            method: 'POST',
            body: kind === 'file' ? bytes : jsonBody(kind, bytes),
            headers: { 'Content-Type': kind === 'file' ? 'image/png' : 'application/json' },
          },
    );
    return { status: answer.status, said: await answer.text() };
  });
}

/** Sends the image by axios; its forms by `postForm` with a stream, and by a FormData. */
export async function byAxios(image: string, routes: readonly Route[]): Promise<Told[]> {
  const bytes = await readFile(image);
  const settings = { responseType: 'text' as const, validateStatus: () => true, transformResponse: (text: string) => text };
  const told = await each('axios', routes, async ({ kind, url }) => {
    const answer =
      kind === 'form'
        ? await axios.postForm(url, { image: createReadStream(image) }, settings)
        : kind === 'file'
          ? await axios.post(url, bytes, { ...settings, headers: { 'Content-Type': 'image/png' } })
          : await axios.post(url, JSON.parse(jsonBody(kind, bytes)), settings);
    return { status: answer.status, said: String(answer.data) };
  });
  const forms = routes.filter(({ kind }) => kind === 'form');
  const own = await each('axios with FormData', forms, async ({ url }) => {
    const form = new FormData();
    form.append('image', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'digit.png');
    const answer = await axios.post(url, form, settings);
    return { status: answer.status, said: String(answer.data) };
  });
  return [...told, ...own];
}

/** Sends the image by curl, -F and --data-binary. */
export async function byCurl(image: string, routes: readonly Route[]): Promise<Told[]> {
  const bytes = await readFile(image);
  return each('curl', routes, async ({ kind, url }) => {
    const body =
      kind === 'form'
        ? ['-F', `image=@${image}`]
        : ['-H', `Content-Type: ${kind === 'file' ? 'image/png' : 'application/json'}`].concat(
            kind === 'file' ? ['--data-binary', `@${image}`] : ['-d', jsonBody(kind, bytes)],
          );
    const { stdout } = await run('curl', ['-s', '-w', '\n%{http_code}', ...body, url]);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end + 1)), said: stdout.slice(0, end) };
  });
}

async function each(
  client: string,
  routes: readonly Route[],
  send: (route: Route) => Promise<{ status: number; said: string }>,
): Promise<Told[]> {
  const told: Told[] = [];
  for (const route of routes) {
    const answer = await send(route).catch((error: unknown) => ({ status: 0, said: String(error) }));
    told.push({ client, route: route.route, ...answer });
  }
  return told;
}
