import { env, exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import { bundleOf } from '../../../library/workerd.ts';
import { sha256 } from '../../../shared/bundle/hashes.ts';
import { model } from '../real-model.ts';

const get = (path: string, headers: Record<string, string> = {}) => exports.default.fetch(`http://portcullis${path}`, { headers });

describe('a worker that was built with the page', () => {
  it('has it at /, under a policy that lets only its own files run', async () => {
    const page = await get('/');
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(
      /default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'/,
    );
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe-inline');
    const links = Array.from(html.matchAll(/(?:src|href)="([^"#]+)"/g), ([, link]) => link as string);
    expect(links).toContain('/page/main.js');
    for (const link of links) expect([link, (await get(link)).status]).toEqual([link, 200]);
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  });

  it.each([
    ['main.js', 'text/javascript; charset=utf-8'],
    ['engine.js', 'text/javascript; charset=utf-8'],
    ['page.css', 'text/css; charset=utf-8'],
    ['kernels.wasm', 'application/wasm'],
    ['samples.json', 'application/json'],
  ])('serves %s as %s', async (name, type) => {
    const file = await get(`/page/${name}`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, type]);
    expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(100);
  });

  it('sends its files again only if the page has changed; those with a hash in their name are kept', async () => {
    for (const path of ['/', '/page/main.js']) {
      const { headers } = await get(path);
      expect([path, headers.get('cache-control')]).toEqual([path, 'no-cache']);
      const tag = headers.get('etag') ?? '';
      for (const known of [tag, `W/${tag}`]) expect([path, (await get(path, { 'if-none-match': known })).status]).toEqual([path, 304]);
      expect((await get(path, { 'if-none-match': '"another"' })).status).toBe(200);
    }
    const [, split] = /["'`]\.\/(console-\w+\.js)/.exec(await (await get('/page/main.js')).text()) ?? [];
    expect((await get(`/page/${split}`)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('has no other files', async () => {
    const missing = await get('/page/toString');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ detail: expect.stringMatching(/There are: .*main\.js, /) });
    expect((await get('/page/bundle/reclassify.onnx')).status).toBe(404);
  });

  it('hands out the bundle that it runs, whole, and again only if it has changed', async () => {
    const file = async (name: string) => (await get(`/page/bundle/${name}`)).arrayBuffer();
    const names = ['screening.json', 'screen.onnx', 'weights.bin'];
    const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await file(name)] as const)));
    expect((await bundleOf(files)).screening.id).toBe(model.screening.id);
    const { headers } = await get('/page/bundle/weights.bin');
    expect((await get('/page/bundle/weights.bin', { 'if-none-match': headers.get('etag') ?? '' })).status).toBe(304);
  });
});

it('the bundle needs the right to screen, as the page does; without the page there is neither', async () => {
  const services = { model: async () => model, fetcher: fetch };
  const page = { version: '1', files: { 'index.html': new ArrayBuffer(1) }, bundleFile: () => new Uint8Array(1) };
  const KEYS = `a:screen:${await sha256('token')}`;
  const withPage = createApp({ ...services, page });
  const ask = (path: string, headers = {}) => withPage.request(path, { headers }, { KEYS, LOG_REQUESTS: 'off' });
  expect((await ask('/')).status).toBe(200);
  expect((await ask('/page/bundle/weights.bin')).status).toBe(401);
  expect((await ask('/page/bundle/weights.bin', { authorization: 'Bearer token' })).status).toBe(200);
  const without = createApp(services);
  for (const path of ['/', '/page/main.js', '/page/bundle/weights.bin'])
    expect((await without.request(path, {}, { ...env, LOG_REQUESTS: 'off' })).status).toBe(404);
});
