import { expect, inject, it } from 'vitest';
import { createApp } from '../../edge/app.ts';
import { configOf } from '../../edge/config.ts';
import { requestDecoder } from '../../edge/decode/decoder.ts';
import { encodePng } from '../../edge/guard/encode-png.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import { verdictSchema } from '../../shared/protocol/screen-messages.ts';
import digit7 from '../samples/digit-7-a.png';
import { keyEntry, model, post } from './real-model.ts';
import type { Seen } from './upstream-server.ts';

const KEYS = await keyEntry('test', 'explain', 'key');
const photos = inject('phonePhoto');
const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

it('a photo of 4032 x 3024 is screened by the tensor that pnpm screen makes of it', async () => {
  const response = await post('/screen?explain=1', bytesOf(photos.ordinary), 'image/jpeg', { KEYS }, { authorization: 'Bearer key' });
  expect(response.status).toBe(200);
  expect(verdictSchema.parse(await response.json()).explain?.tensor).toBe(photos.tensor);
});

it('one that is turned is screened too', async () => {
  expect((await post('/screen', bytesOf(photos.turned), 'image/jpeg')).status).toBe(200);
});

it('a progressive one is refused with what to do', async () => {
  const response = await post('/screen', bytesOf(photos.progressive), 'image/jpeg');
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({
    type: 'urn:portcullis:problem:image-too-large',
    detail: expect.stringMatching(/4032 x 3024 .* Save it as an ordinary \(baseline\) JPEG, or make it smaller/),
  });
});

it('where the operator does not take them it is refused by that limit', async () => {
  const response = await post('/screen', bytesOf(photos.ordinary), 'image/jpeg', { MAX_JPEG_PIXELS: '2097152' });
  expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([
    413,
    'The image is 4032 x 3024; a JPEG may have at most 2097152 pixels. Make it smaller.',
  ]);
});

it('a request may have one such photo, as the default goes', async () => {
  const form = new FormData();
  for (const name of ['a', 'b']) form.append(name, new Blob([bytesOf(photos.ordinary)], { type: 'image/jpeg' }));
  form.append('c', new Blob([digit7], { type: 'image/png' }));
  const raised = { MAX_BODY_BYTES: String(2 ** 24) };
  const { headers, body } = new Request('http://localhost/', { method: 'POST', body: form });
  const bytes = await new Response(body).arrayBuffer();
  const response = await post('/screen', bytes, headers.get('content-type') as string, raised);
  const text = await response.text();
  expect(text).toMatch(/over the limit of 2097152 pixels/);
});

it.each([
  ['a JPEG', photos.turned, 'image/jpeg'],
  ['a WebP', photos.webp, 'image/webp'],
])('the classifier gets the scaled picture of %s as PNG, upright', async (_, photo, type) => {
  const takesAll = createApp({
    model: async () => ({ ...model, screening: { ...model.screening, thresholds: wideThresholds() } }),
    fetcher: (input, init) => fetch(input, init),
  });
  const env = { UPSTREAM_URL: `${inject('upstreamUrl')}/label/7`, LOG_REQUESTS: 'off' };
  const body = bytesOf(photo);
  const response = await takesAll.request('/guard', { method: 'POST', body, headers: { 'content-type': type } }, env);
  expect(response.status).toBe(200);
  const picture = await requestDecoder(configOf({}), model.screening.preprocess.background)(body);
  expect([picture.width, picture.height]).toEqual([756, 1008]);
  const seen: Seen = await (await fetch(`${inject('upstreamUrl')}/seen`)).json();
  expect(seen.headers['content-type']).toBe('image/png');
  expect(seen.sha256).toBe(await sha256(encodePng(picture)));
});

/** Thresholds that any image is within. */
function wideThresholds() {
  const { maxRelativeError, ...thresholds } = model.screening.thresholds;
  const wide = (values: readonly number[]) => values.map(() => Number.MAX_VALUE);
  return {
    maxLatentDistance: wide(thresholds.maxLatentDistance),
    maxReconstructionError: wide(thresholds.maxReconstructionError),
    ...(maxRelativeError ? { maxRelativeError: wide(maxRelativeError) } : {}),
  };
}
