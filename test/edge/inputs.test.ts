import { exports } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { batchSchema, verdictSchema } from '../../shared/protocol/screen-messages.ts';
import colour from '../samples/colour.png';
import digit0 from '../samples/digit-0-a.png';
import digit7 from '../samples/digit-7-a.png';
import { app, model, noise, post, problemName } from './real-model.ts';

const png = (bytes: ArrayBuffer, type = 'image/png') => new Blob([bytes], { type });
/** A form as a client sends it. */
const send = (form: FormData, env: object = {}) =>
  app.request('/screen', { method: 'POST', body: form }, { LOG_REQUESTS: 'off', ...env } as Record<string, unknown>);
const form = (...parts: (Blob | string)[]) => {
  const made = new FormData();
  for (const [i, part] of parts.entries()) typeof part === 'string' ? made.append(`p${i}`, part) : made.append(`p${i}`, part, `f${i}`);
  return made;
};

describe('a form', () => {
  it('has many files, answered in their order, a bad one in its place', async () => {
    const floats = png(noise.buffer as ArrayBuffer, 'application/octet-stream');
    const response = await send(
      form(png(digit7), png(digit7.slice(0, 150)), png(digit0, 'application/octet-stream'), 'text', floats, png(colour)),
    );
    const { results } = batchSchema.parse(await response.json());
    expect(results).toMatchObject([
      { verdict: 'accepted', label: '7' },
      { type: 'urn:portcullis:problem:bad-image' },
      { verdict: 'accepted', label: '0' },
      { type: 'urn:portcullis:problem:bad-image', detail: expect.stringContaining('p3 is a field and no file') },
      { verdict: 'rejected' },
      { verdict: 'rejected' },
    ]);
  });

  it.each<[string, string, string, string]>([
    ['no boundary', 'hello', 'multipart/form-data', 'bad-multipart'],
    ['another boundary', '--a\r\n\r\nx\r\n--a--', 'multipart/form-data; boundary=b', 'bad-multipart'],
    ['no parts', '--a--\r\n', 'multipart/form-data; boundary=a', 'bad-multipart'],
    [
      'no end',
      '--a\r\nContent-Disposition: form-data; name="x"; filename="y"\r\n\r\nx',
      'multipart/form-data; boundary=a',
      'bad-multipart',
    ],
  ])('with %s is a problem', async (_, body, type, name) => {
    const response = await post('/screen', body, type);
    expect([response.status, await problemName(response)]).toEqual([400, name]);
  });

  it('with too many files is one too', async () => {
    const response = await send(form(png(digit7), png(digit7), png(digit7)), { MAX_IMAGES: '2' });
    expect(response.status).toBe(413);
    expect(((await response.json()) as { detail: string }).detail).toContain('more than 2 parts');
  });
});

describe('a body that comes slowly', () => {
  it('is not waited for', async () => {
    const slow = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        controller.enqueue(new Uint8Array(10));
      },
    });
    const init = { method: 'POST', body: slow, headers: { 'content-type': 'image/png' }, duplex: 'half' } as RequestInit;
    const response = await app.request('/screen', init, { BODY_TIMEOUT_MS: '200' });
    expect([response.status, await problemName(response)]).toEqual([408, 'body-timeout']);
  });

  it('or breaks off is a problem', async () => {
    const broken = new ReadableStream({
      pull(controller) {
        controller.error(new Error('gone'));
      },
    });
    const init = { method: 'POST', body: broken, headers: { 'content-type': 'image/png' }, duplex: 'half' } as RequestInit;
    const response = await app.request('/screen', init, {});
    expect([response.status, await problemName(response)]).toEqual([400, 'bad-request']);
  });
});

describe('the search in the worker itself', () => {
  it('finds what the fallback finds', async () => {
    const body = noise.buffer as ArrayBuffer;
    const env = { RECLASSIFY_KEEP_ALL: 'on' };
    const here = await (await post('/screen', body, 'application/octet-stream', { ...env, RECLASSIFY: 'local' })).json();
    const there = await (await post('/screen', body, 'application/octet-stream', { ...env, FALLBACK_URL: inject('fallbackUrl') })).json();
    expect(here).toMatchObject({ verdict: 'reclassified', by: 'local' });
    expect(there).toMatchObject({
      verdict: 'reclassified',
      by: 'fallback',
      index: verdictSchema.parse(here).verdict === 'reclassified' ? (here as { index: number }).index : -1,
    });
  });

  it('is for the first rejected images only', async () => {
    const images = [...Array(3)].map(() => ({ pixels: [...noise] }));
    const env = { RECLASSIFY: 'local', RECLASSIFY_LOCAL_MAX: '1' };
    const { results } = batchSchema.parse(await (await post('/screen', JSON.stringify({ images }), 'application/json', env)).json());
    expect(results).toMatchObject([
      { reclassification: 'rejected' },
      { reclassification: 'unavailable' },
      { reclassification: 'unavailable' },
    ]);
  });
});

describe('the signed way to the fallback', () => {
  const ask = async (env: object) => {
    const all = { FALLBACK_URL: inject('signedFallbackUrl'), RECLASSIFY_KEEP_ALL: 'on', ...env };
    return verdictSchema.parse(await (await post('/screen', noise.buffer as ArrayBuffer, 'application/octet-stream', all)).json());
  };
  it.each(['the-old-key-of-thirty-two-letters!', 'the-new-key-of-thirty-two-letters!'])('is open with %s', async (FALLBACK_HMAC_KEY) => {
    expect(await ask({ FALLBACK_HMAC_KEY })).toMatchObject({ verdict: 'reclassified' });
  });
  it('is closed without a key and with another', async () => {
    expect(await ask({})).toMatchObject({ reclassification: 'unavailable' });
    expect(await ask({ FALLBACK_HMAC_KEY: 'a-key-that-nobody-knows-of-32-letters' })).toMatchObject({ reclassification: 'unavailable' });
  });
});

describe('the description of the API', () => {
  it('is OpenAPI 3.1, and has every route with its problems', async () => {
    const get = (path: string) => exports.default.fetch(`http://portcullis${path}`);
    const api = (await (await get('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: object }>>;
      components: { schemas: object };
    };
    expect(api.openapi).toBe('3.1.0');
    expect(Object.keys(api.paths).sort()).toEqual(
      [
        ...[
          '/',
          '/docs',
          '/guard',
          '/health/live',
          '/health/ready',
          '/model',
          '/model/evidence',
          '/openapi.json',
          '/page/bundle/{file}',
          '/page/{file}',
          '/screen',
          '/status',
          '/v2',
        ],
        ...['/v2/health/live', '/v2/health/ready', '/v2/models/screen', '/v2/models/screen/infer', '/v2/models/screen/ready'],
        ...['screen/versions/{version}', '{model}', '{model}/versions/{version}'].flatMap((model) =>
          ['', '/infer', '/ready'].map((end) => `/v2/models/${model}${end}`),
        ),
      ].sort(),
    );
    expect(Object.keys(api.paths['/screen']?.post?.responses ?? {})).toEqual([
      '200',
      '400',
      '401',
      '403',
      '408',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
    expect(Object.keys(api.components.schemas)).toEqual(expect.arrayContaining(['Problem', 'Batch', 'Explanation', 'Model', 'Evidence']));
    expect(JSON.stringify(api)).not.toContain('undefined');
    expect((await get('/docs')).headers.get('content-type')).toContain('text/html');
  });

  it('tells no weight, graph or threshold without a key', async () => {
    for (const path of ['/screen.onnx', '/weights.bin', '/screening.json', '/model/graph'])
      expect((await app.request(path)).status).toBe(404);
    const text = JSON.stringify(await (await app.request('/model', {}, {})).json());
    expect(text).not.toContain(String(model.screening.thresholds.maxLatentDistance[0]));
  });

  it('refuses an explain that is neither 0 nor 1', async () => {
    const response = await post('/screen?explain=yes', digit7, 'image/png');
    expect([response.status, await problemName(response)]).toEqual([400, 'bad-request']);
  });
});
