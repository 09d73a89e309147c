import { exports } from 'cloudflare:workers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { batchSchema, verdictSchema } from '../../../shared/protocol/screen-messages.ts';
import seven3136 from '../../samples/cases/octet-stream-3136/seven-3136-bytes.png';
import colour from '../../samples/colour.png';
import digit0 from '../../samples/digit-0-a.png';
import digit7 from '../../samples/digit-7-a.png';
import tensors from '../../samples/tensors.json' with { type: 'json' };
import turned from '../../samples/turned.jpg';
import { model } from '../real-model.ts';

const send = (body: BodyInit | null, contentType?: string, path = '/screen', headers: Record<string, string> = {}) =>
  exports.default.fetch(`http://portcullis${path}`, {
    method: 'POST',
    body,
    headers: { ...headers, ...(contentType ? { 'content-type': contentType } : {}) },
  });
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const floats = (values: Float32Array) => values.buffer as ArrayBuffer;

describe('POST /screen', () => {
  it('accepts a digit, as a PNG', async () => {
    const response = await send(digit7, 'image/png');
    expect(response.status).toBe(200);
    const verdict = verdictSchema.parse(await response.json());
    expect(verdict).toMatchObject({ verdict: 'accepted', label: '7', index: 7 });
    expect(response.headers.get('Portcullis-Request')).toBe(verdict.request);
  });

  it('rejects noise, stripes, a blank and a white page', async () => {
    const pages = {
      noise: Float32Array.from({ length: 784 }, (_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1),
      stripes: Float32Array.from({ length: 784 }, (_, i) => (i % 28) % 2),
      blank: new Float32Array(784),
      white: new Float32Array(784).fill(1),
    };
    for (const [name, page] of Object.entries(pages)) {
      const verdict = verdictSchema.parse(await (await send(floats(page), 'application/octet-stream')).json());
      expect(verdict.verdict, name).toBe('rejected');
      expect(verdict, name).not.toHaveProperty('reclassification');
    }
  });

  it('answers a batch in order, one bad image in its place, the others as alone', async () => {
    const pixels = Array.from({ length: 28 }, () => new Array(28).fill(0));
    const images = [{ image: base64(digit7) }, { image: '%%%' }, { pixels }, { image: base64(digit0) }, { pixels: [1, 2] }];
    const { results } = batchSchema.parse(await (await send(JSON.stringify({ images }), 'application/json')).json());
    expect(results).toMatchObject([
      { verdict: 'accepted', label: '7' },
      { type: 'urn:portcullis:problem:bad-image' },
      { verdict: 'rejected' },
      { verdict: 'accepted', label: '0' },
      { type: 'urn:portcullis:problem:wrong-size' },
    ]);
  });

  it('does not follow pixels nested deeper than an image', async () => {
    const nested = (depth: number) =>
      send(`{"images":[{"pixels":[${'['.repeat(depth)}0${']'.repeat(depth)}]},{"image":"${base64(digit7)}"}]}`, 'application/json');
    const endless = await nested(3000);
    expect([endless.status, await endless.json()]).toEqual([
      400,
      expect.objectContaining({ detail: expect.stringContaining('nested more than 32 deep') }),
    ]);
    const response = await nested(8);
    expect(response.status).toBe(200);
    expect(batchSchema.parse(await response.json()).results).toMatchObject([
      { type: 'urn:portcullis:problem:not-finite' },
      { verdict: 'accepted' },
    ]);
  });

  it.each([
    ['', digit7],
    [", although it is as long as the model's input", seven3136],
  ])('takes a file whose type is not named%s', async (_, file) => {
    const verdict = verdictSchema.parse(await (await send(file, 'application/octet-stream')).json());
    expect(verdict).toMatchObject({ verdict: 'accepted', label: '7' });
  });

  it('takes float32 whose first bytes are by chance those of a JPEG', async () => {
    // FF D8 FF 3E is 0.4997.
    const values = float32FromBase64(model.screening.golden.image);
    new Uint8Array(values.buffer).set([0xff, 0xd8, 0xff, 0x3e]);
    const response = await send(values.buffer as ArrayBuffer, 'application/octet-stream');
    expect([response.status, Object.keys(verdictSchema.parse(await response.json()))]).toEqual([200, expect.arrayContaining(['verdict'])]);
    new Uint8Array(values.buffer).set([0xff, 0xd8, 0xff, 0xe0]);
    const file = await send(values.buffer as ArrayBuffer, 'application/octet-stream');
    expect(await file.json()).toMatchObject({ type: 'urn:portcullis:problem:bad-image' });
  });

  it.each(['image/jpg', 'image/pjpeg', 'Image/X-PNG; charset=binary'])('takes %s for what it means', async (type) => {
    expect(verdictSchema.parse(await (await send(digit7, type)).json())).toMatchObject({ verdict: 'accepted', label: '7' });
  });

  it('explains only with the token that allows it', async () => {
    expect((await send(digit7, 'image/png', '/screen?explain=1')).status).toBe(401);
    const response = await send(digit7, 'image/png', '/screen?explain=1', { authorization: 'Bearer explain-token' });
    const { explain } = verdictSchema.parse(await response.json());
    expect(explain).toMatchObject({ reason: null, nearest: '7' });
    expect(float32FromBase64(explain?.reconstruction ?? '')).toHaveLength(784);
    expect(explain?.scores.latentDistance).toBeLessThan(explain?.thresholds.latentDistance ?? 0);
  });
});

describe('the tensor in workerd', () => {
  it.each<[keyof typeof tensors, ArrayBuffer, string]>([
    ['digit-0-a.png', digit0, 'image/png'],
    ['digit-7-a.png', digit7, 'image/png'],
    ['colour.png', colour, 'image/png'],
    ['turned.jpg', turned, 'image/jpeg'],
  ])('of %s is, to the bit, the one that Node makes', async (file, bytes, type) => {
    const response = await send(bytes, type, '/screen?explain=1', { authorization: 'Bearer explain-token' });
    expect(verdictSchema.parse(await response.json()).explain?.tensor).toBe(tensors[file]);
  });
});

/** A PNG's first bytes, with any size in its header. */
function pngHeader(width: number, height: number): ArrayBuffer {
  const bytes = new Uint8Array(digit7.slice(0));
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes.buffer;
}

describe('what can not be screened is a problem that says why', () => {
  const withNaN = new Float32Array(784);
  withNaN[9] = Number.NaN;
  it.each<[string, BodyInit | null, string | undefined, number, string, RegExp]>([
    ['an empty body', new ArrayBuffer(0), 'image/png', 400, 'empty-body', /an image is needed/],
    ['no content type', digit7, undefined, 415, 'unsupported-media-type', /allowed are image\/png/],
    ['a wrong type', 'hello', 'text/plain', 415, 'unsupported-media-type', /text\/plain; allowed are/],
    ['a truncated PNG', digit7.slice(0, 150), 'image/png', 422, 'bad-image', /cut off or damaged/],
    ['a PNG cut within its header', digit7.slice(0, 20), 'image/png', 422, 'bad-image', /IHDR/],
    ['text as PNG', 'hello', 'image/png', 422, 'bad-image', /of an unknown kind/],
    ['a 60000 x 60000 header', pngHeader(60000, 60000), 'image/png', 413, 'image-too-large', /60000 x 60000; at most/],
    ['a header that lies', pngHeader(30, 30), 'image/png', 422, 'bad-image', /damaged/],
    ['a NaN', floats(withNaN), 'application/octet-stream', 422, 'not-finite', /Value 9 is NaN/],
    ['a value above 1', floats(new Float32Array(784).fill(255)), 'application/octet-stream', 422, 'not-finite', /in \[0, 1\]/],
    ['a float too few', new ArrayBuffer(783 * 4), 'application/octet-stream', 422, 'wrong-size', /3136 are needed: 28 x 28 x 1/],
    ['half a float', new ArrayBuffer(3135), 'application/octet-stream', 422, 'wrong-size', /3135 bytes/],
    ['10 MB', new ArrayBuffer(10 * 1024 * 1024), 'image/png', 413, 'body-too-large', /larger than 5242880/],
    ['broken JSON', '{"images":', 'application/json', 400, 'bad-json', /not JSON/],
    ['other JSON', '{"picture":1}', 'application/json', 400, 'bad-json', /must be/],
    ['65 images', JSON.stringify({ images: new Array(65).fill({ pixels: [0] }) }), 'application/json', 413, 'body-too-large', /at most 64/],
    // Counted before each is looked at: told one by one they took seconds, and then more memory than there is.
    [
      '1.6 million empty items',
      `{"images":[${'{},'.repeat(1_600_000)}{}]}`,
      'application/json',
      413,
      'body-too-large',
      /more than \d+ values/,
    ],
  ])('%s', async (_, body, contentType, status, name, detail) => {
    const response = await send(body, contentType);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await response.json()) as { type: string; detail: string };
    expect(problem.type).toBe(`urn:portcullis:problem:${name}`);
    expect(problem.detail).toMatch(detail);
  });

  it('a body that does not say its length is stopped too', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        if (sent++ > 200) controller.close();
        else controller.enqueue(new Uint8Array(65536));
      },
    });
    const response = await exports.default.fetch('http://portcullis/screen', {
      method: 'POST',
      body: endless,
      headers: { 'content-type': 'image/png' },
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
  });

  it('an unknown route and a wrong method', async () => {
    expect((await send(null, undefined, '/nothing')).status).toBe(404);
    const response = await exports.default.fetch('http://portcullis/screen');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('random bytes of any type are never accepted and never break anything', async () => {
    const types = fc.constantFrom('image/png', 'image/jpeg', 'application/octet-stream', 'application/json');
    await fc.assert(
      fc.asyncProperty(types, fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.boolean(), async (type, bytes, asPng) => {
        const body = asPng ? new Uint8Array([...new Uint8Array(digit7.slice(0, 60)), ...bytes]) : bytes;
        const response = await send(body as BodyInit, type);
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 200, seed: 3 },
    );
    expect((await send(digit7, 'image/png')).status).toBe(200);
  });
});

describe('the other routes', () => {
  it('/model tells no threshold, /health/ready runs the golden image', async () => {
    const get = (path: string) => exports.default.fetch(`http://portcullis${path}`);
    const model = (await (await get('/model')).json()) as object;
    expect(Object.keys(model).sort()).toEqual(['classes', 'id', 'input', 'name', 'preprocess']);
    expect(await (await get('/health/ready')).json()).toEqual({ status: 'ready' });
    expect(await (await get('/health/live')).json()).toEqual({ status: 'live' });
  });
});
