import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { type ScreeningOptions, screening } from '../../library/hono.ts';
import { openBundle } from '../../library/node.ts';

const seven = await readFile('test/samples/digit-7-a.png');
const turned = await readFile('test/samples/turned.jpg');
const bundle = openBundle(join('models', 'mnist'));

/** An app that answers what its handler saw; `handled` counts the requests that came so far. */
function appWith(options: Partial<ScreeningOptions> = {}) {
  const app = new Hono();
  const seen = { handled: 0 };
  app.post('/classify', screening({ bundle, ...options }), async (c) => {
    seen.handled++;
    return c.json({ ...c.var.screening, bytes: (await c.req.arrayBuffer()).byteLength });
  });
  const post = (body: BodyInit, type?: string) =>
    app.request('/classify', { method: 'POST', body, ...(type ? { headers: { 'content-type': type } } : {}) });
  return { post, seen };
}

const formOf = (...files: Buffer[]) => {
  const form = new FormData();
  for (const [i, file] of files.entries()) form.append(`image-${i}`, new Blob([new Uint8Array(file)], { type: 'image/png' }), 'a.png');
  return form;
};

describe('the screening middleware', () => {
  it('lets accepted images on, with their verdicts and the whole body', async () => {
    const { post } = appWith();
    const answer = (await (await post(new Uint8Array(seven), 'image/png')).json()) as { images: object[]; bytes: number };
    expect(answer).toMatchObject({ images: [{ result: { verdict: 'accepted', label: '7' } }], bytes: seven.length });
    const form = (await (await post(formOf(seven, seven))).json()) as { images: object[]; bytes: number };
    expect(form.images).toMatchObject([{ name: 'image-0' }, { name: 'image-1', result: { label: '7' } }]);
    expect(form.bytes).toBeGreaterThan(2 * seven.length);
  });

  it.each([
    ['a rejected image', () => new Uint8Array(turned), 'image/jpeg', 422, 'rejected'],
    ['a form with one of them', () => formOf(seven, turned), undefined, 422, 'rejected'],
    ['a file that is no image', () => 'hello', 'image/png', 422, 'bad-image'],
    ['a batch with one of them', () => formOf(seven, Buffer.from('hello')), undefined, 422, 'bad-image'],
    ['an empty body', () => '', 'image/png', 400, 'empty-body'],
    ['a body of another kind', () => 'a=b', 'text/plain', 415, 'unsupported-media-type'],
    ['a larger body than allowed', () => new Uint8Array(200_000), 'image/png', 413, 'body-too-large'],
  ])('stops %s before the handler', async (_, body, type, status, problem) => {
    const { post, seen } = appWith({ limits: { MAX_BODY_BYTES: 100_000 } });
    const answer = await post(body(), type);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ type: `urn:portcullis:problem:${problem}` });
    expect(seen.handled).toBe(0);
  });

  it('lets nothing on without a model, with a runtime that fails, or with wrong limits', async () => {
    const missing = appWith({ bundle: openBundle('models/none') });
    const answer = await missing.post(new Uint8Array(seven), 'image/png');
    expect([answer.status, missing.seen.handled]).toEqual([503, 0]);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("screening.json of the bundle can't be read") });
    const broken = appWith({ runtime: { name: 'broken', openScreen: () => Promise.reject(new Error('no device')) } });
    expect([(await broken.post(new Uint8Array(seven), 'image/png')).status, broken.seen.handled]).toEqual([503, 0]);
    const wrong = appWith({ limits: { MAX_IMAGES: -1 } });
    expect([(await wrong.post(new Uint8Array(seven), 'image/png')).status, wrong.seen.handled]).toEqual([503, 0]);
  });

  it('only tells the handler what it found where it observes', async () => {
    const { post, seen } = appWith({ mode: 'observe' });
    const answer = (await (await post(new Uint8Array(turned), 'image/jpeg')).json()) as object;
    expect(answer).toMatchObject({ images: [{ result: { verdict: 'rejected' } }], bytes: turned.length });
    expect(await (await post('hello', 'image/png')).json()).toMatchObject({
      images: [],
      problem: expect.stringContaining('are read'),
      bytes: 5,
    });
    expect(seen.handled).toBe(2);
  });
});
