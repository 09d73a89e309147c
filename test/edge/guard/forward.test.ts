import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import { configOf } from '../../../edge/config.ts';
import { requestDecoder } from '../../../edge/decode/decoder.ts';
import { encodePng } from '../../../edge/guard/encode-png.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import type { DecodedImage } from '../../../shared/images/image.ts';
import { preprocess, tensorOf } from '../../../shared/images/preprocess.ts';
import { BINARY_HEADER } from '../../../shared/protocol/inference-protocol.ts';
import digit0 from '../../samples/digit-0-a.png';
import digit7 from '../../samples/digit-7-a.png';
import { app, keyEntry, model, noise, post, problemName } from '../real-model.ts';
import type { Seen } from '../upstream-server.ts';

/** For mutation tests, which run in Node: its fetch() decodes deflate and adds Accept, that of workerd does not. */
const inNode = navigator.userAgent.startsWith('Node.js');

const config = configOf({});
const { preprocess: rules, input } = model.screening;
const decode = async (bytes: ArrayBuffer | Uint8Array): Promise<DecodedImage> =>
  requestDecoder(config, rules.background)(new Uint8Array(bytes as ArrayBuffer));
const upstream = (path: string) => `${inject('upstreamUrl')}${path}`;
const seen = async (): Promise<Seen> => (await fetch(upstream('/seen'))).json();
const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const golden = float32FromBase64(model.screening.golden.image);
const guard = (body: BodyInit, type: string, env: object = {}, headers: Record<string, string> = {}, path = '/label/7') =>
  post('/guard', body, type, { UPSTREAM_URL: upstream(path), ...env }, headers);
/** As the worker is, but for thresholds that any image is within. */
const { maxLatentDistance, maxReconstructionError, maxRelativeError } = model.screening.thresholds;
const wide = (thresholds: readonly number[]) => thresholds.map(() => Number.MAX_VALUE);
const thresholds = {
  ...{ maxLatentDistance: wide(maxLatentDistance), maxReconstructionError: wide(maxReconstructionError) },
  ...(maxRelativeError ? { maxRelativeError: wide(maxRelativeError) } : {}),
};
const takesAll = createApp({
  model: async () => ({ ...model, screening: { ...model.screening, thresholds } }),
  fetcher: (input, init) => fetch(input, init),
});

/** The request that the classifier got: none where the guard stopped it. */
async function forwarded(
  send: () => Response | Promise<Response>,
): Promise<{ response: Response; last: Seen; body: Uint8Array<ArrayBuffer> } | null> {
  const before = (await seen()).count;
  const response = await send();
  const last = await seen();
  return last.count === before ? null : { response, last, body: bytesOf(last.body) as Uint8Array<ArrayBuffer> };
}

/** The chunks of a PNG, by their names. */
function chunksOf(png: Uint8Array): string[] {
  const names: string[] = [];
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) names.push(String.fromCharCode(...png.subarray(at + 4, at + 8)));
  return names;
}

describe('the picture that is forwarded', () => {
  it('is, of each kind of file that passes, the one that was screened, with nothing but its pixels', async () => {
    for (const { name, type, base64: file } of inject('madeImages')) {
      for (const FORWARD of ['decoded', 'screened']) {
        const env = { UPSTREAM_URL: upstream('/label/7'), FORWARD, LOG_REQUESTS: 'off' };
        const sent = await forwarded(async () =>
          takesAll.request('/guard', { method: 'POST', body: bytesOf(file), headers: { 'content-type': type } }, env),
        );
        expect(chunksOf(sent?.body as Uint8Array), name).toEqual(['IHDR', 'IDAT', 'IEND']);
        const [picture, screened] = [await decode(sent?.body as Uint8Array), await decode(bytesOf(file))];
        if (FORWARD === 'decoded') expect(picture, name).toEqual(screened);
        else expect(tensorOf(picture.pixels), name).toEqual(preprocess(screened, input, rules));
      }
    }
    for (const file of [digit7, digit0]) {
      const sent = await forwarded(() => guard(file, 'image/png'));
      expect(sent?.last.headers['content-type']).toBe('image/png');
      expect(chunksOf(sent?.body as Uint8Array)).toEqual(['IHDR', 'IDAT', 'IEND']);
      expect(await decode(sent?.body as Uint8Array)).toEqual(await decode(file));
    }
  });

  it('of any size and content comes back from its PNG to the level', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1 as const, 3 as const),
        fc.integer(),
        async (width, height, channels, seed) => {
          const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => ((i + 1) * (seed | 1) * 2654435761) >>> 24);
          const image = { width, height, channels, pixels };
          expect(await decode(encodePng(image))).toEqual(image);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is, with FORWARD=screened, what the model saw, at its size', async () => {
    // A larger picture of the seven, each pixel four times.
    const { width, height, pixels } = await decode(digit7);
    const large = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
      const [row, column] = [Math.floor(i / (2 * width)), i % (2 * width)];
      return pixels[Math.floor(row / 2) * width + Math.floor(column / 2)] as number;
    });
    const file = encodePng({ width: 2 * width, height: 2 * height, channels: 1, pixels: large });
    const [whole, small] = [
      await forwarded(() => guard(file, 'image/png')),
      await forwarded(() => guard(file, 'image/png', { FORWARD: 'screened' })),
    ];
    expect(await decode(whole?.body as Uint8Array)).toEqual(await decode(file));
    const picture = await decode(small?.body as Uint8Array);
    expect([picture.width, picture.height, picture.channels]).toEqual([input.width, input.height, input.channels]);
    const tensor = preprocess(await decode(file), input, rules);
    expect(Array.from(picture.pixels, (level) => Math.fround(level / 255))).toEqual(Array.from(tensor));
  });
});

describe('the body that is forwarded', () => {
  const batch = (...files: ArrayBuffer[]) => JSON.stringify({ images: files.map((file) => ({ image: base64(file) })) });

  it('is JSON of the documented form', async () => {
    const sent = await forwarded(() => guard(batch(digit7, digit0), 'application/json; charset=utf-8'));
    expect(sent?.last.headers['content-type']).toBe('application/json');
    const { images } = JSON.parse(new TextDecoder().decode(sent?.body)) as { images: { image: string }[] };
    expect(images.map((each) => Object.keys(each))).toEqual([['image'], ['image']]);
    expect(await decode(bytesOf(images[1]?.image as string))).toEqual(await decode(digit0));
    expect(sent?.response.headers.get('Portcullis-Label')).toBe('7, 0');
  });

  it('is a form with the fields of the client, and names of ours for what could be read in two ways', async () => {
    const parts = [
      ['photo[]', 'seven.png', digit7],
      ['x"; filename="evil.php', '../../a.png', digit0],
      ['_charset_', 'a.png', digit7],
    ] as const;
    const form = new FormData();
    for (const [name, filename, file] of parts) form.append(name, new Blob([file], { type: 'image/png' }), filename);
    const made = new Response(form);
    const type = made.headers.get('content-type') as string;
    const body = await made.arrayBuffer();
    const sent = await forwarded(() => guard(body, type));
    const fields = [
      ...(await new Response(sent?.body, { headers: { 'content-type': sent?.last.headers['content-type'] as string } }).formData()),
    ];
    expect(fields.map(([name, file]) => [name, (file as File).name, (file as File).type])).toEqual([
      ['photo[]', 'image-1.png', 'image/png'],
      ['file', 'image-2.png', 'image/png'],
      ['file', 'image-3.png', 'image/png'],
    ]);
    expect(await decode(await (fields[1] as [string, File])[1].arrayBuffer())).toEqual(await decode(digit0));
  });

  it('has, with ON_PARTIAL=drop, the accepted images only, and is none where none is accepted', async () => {
    const black = encodePng({ width: 28, height: 28, channels: 1, pixels: new Uint8Array(784) }).buffer;
    expect(await forwarded(() => guard(batch(black, digit0), 'application/json'))).toBeNull();
    const drop = { ON_PARTIAL: 'drop' };
    const mixed = JSON.stringify({ images: [{ image: base64(black) }, { image: base64(digit0) }, { image: 'AAAA' }] });
    const sent = await forwarded(() => guard(mixed, 'application/json', { ...drop, AGREEMENT_POINTER: '/label' }, {}, '/label/0'));
    const { images } = JSON.parse(new TextDecoder().decode(sent?.body)) as { images: { image: string }[] };
    expect(images).toHaveLength(1);
    expect(await decode(bytesOf(images[0]?.image as string))).toEqual(await decode(digit0));
    expect([sent?.response.status, sent?.response.headers.get('Portcullis-Verdict')]).toEqual([200, 'rejected, accepted, error']);
    expect(await forwarded(() => guard(batch(black, black), 'application/json', drop))).toBeNull();
    // The client's own bytes hold what was dropped.
    const original = await forwarded(() => guard(mixed, 'application/json', { ...drop, FORWARD: 'original' }));
    expect((JSON.parse(new TextDecoder().decode(original?.body)) as { images: [] }).images).toHaveLength(1);
  });
});

describe('numbers in place of a file', () => {
  const floats = golden.buffer as ArrayBuffer;
  it('are forwarded only where the operator says so, as nested JSON', async () => {
    const stopped = await guard(floats, 'application/octet-stream');
    expect([stopped.status, await problemName(stopped)]).toEqual([422, 'not-forwarded']);
    for (const FORWARD of ['decoded', 'original']) {
      const sent = await forwarded(() => guard(floats, 'application/octet-stream', { GUARD_TENSORS: 'on', FORWARD }));
      expect(sent?.last.headers['content-type']).toBe('application/json');
      const { images } = JSON.parse(new TextDecoder().decode(sent?.body)) as { images: { pixels: number[][][] }[] };
      expect(images[0]?.pixels.map((row) => row.length)).toEqual(Array(28).fill(28));
      expect(Float32Array.from(images[0]?.pixels.flat(2) as number[])).toEqual(golden);
    }
  });

  it('are not forwarded if they begin like a file of some kind', async () => {
    for (const signature of [
      [0x49, 0x49, 0x2a, 0x00],
      [0x42, 0x4d, 0x00, 0x3f],
    ]) {
      const bytes = new Uint8Array(floats.slice(0));
      bytes.set(signature);
      const response = await guard(bytes, 'application/octet-stream', { GUARD_TENSORS: 'on' });
      expect([response.status, await problemName(response)]).toEqual([422, 'not-forwarded']);
    }
  });

  it('are not forwarded in a form', async () => {
    const form = new FormData();
    form.append('a', new Blob([floats], { type: 'application/octet-stream' }), 'a.bin');
    const made = new Response(form);
    const response = await guard(await made.arrayBuffer(), made.headers.get('content-type') as string, { GUARD_TENSORS: 'on' });
    expect([response.status, await problemName(response)]).toEqual([422, 'not-forwarded']);
  });
});

describe('inference requests under the name of the classifier', () => {
  const env = { UPSTREAM_PROTOCOL: 'v2', UPSTREAM_URL: inject('upstreamUrl'), UPSTREAM_MODEL: 'digits' };
  const file = (data: string[], more: object = {}) => ({ name: 'file', datatype: 'BYTES', shape: [data.length, 1], data, ...more });
  const ask = (path: string, body: BodyInit, headers: Record<string, string> = {}, more: object = {}) =>
    post(path, body, 'application/json', { ...env, ...more }, headers);

  it('are re-encoded: the same members, its own PNGs', async () => {
    const body = {
      ...{ id: 'a', parameters: { timeout: 5 }, outputs: [{ name: 'class', parameters: { binary_data: false } }] },
      inputs: [file([base64(digit7), base64(digit0)], { parameters: { content_type: 'base64' } })],
    };
    for (const [path, url] of [
      ['/v2/models/digits/infer', '/v2/models/digits/infer'],
      ['/v2/models/digits/versions/3/infer', '/v2/models/digits/versions/3/infer'],
      ['/guard', '/v2/models/digits/infer'],
    ] as const) {
      const sent = await forwarded(() => ask(path, JSON.stringify(body)));
      expect(sent?.last.url).toBe(url);
      const { inputs, ...rest } = JSON.parse(new TextDecoder().decode(sent?.body));
      expect(rest).toEqual({ id: 'a', parameters: { timeout: 5 }, outputs: [{ name: 'class', parameters: { binary_data: false } }] });
      expect(inputs).toMatchObject([{ name: 'file', datatype: 'BYTES', shape: [2, 1], parameters: { content_type: 'base64' } }]);
      expect(await decode(bytesOf(inputs[0].data[1]))).toEqual(await decode(digit0));
    }
  });

  it('with binary tensors are forwarded with binary ones', async () => {
    const png = new Uint8Array(digit7);
    const tensor = new Uint8Array(4 + png.length);
    new DataView(tensor.buffer).setUint32(0, png.length, true);
    tensor.set(png, 4);
    const input = { name: 'file', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: tensor.length } };
    const head = new TextEncoder().encode(JSON.stringify({ inputs: [input] }));
    const body = new Uint8Array([...head, ...tensor]);
    const sent = await forwarded(() => ask('/v2/models/digits/infer', body, { [BINARY_HEADER]: String(head.length) }));
    const length = Number(sent?.last.headers[BINARY_HEADER.toLowerCase()]);
    const bytes = sent?.body as Uint8Array<ArrayBuffer>;
    const made = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
    expect(made.inputs[0].parameters.binary_data_size).toBe(bytes.length - length);
    expect(await decode(bytes.slice(length + 4))).toEqual(await decode(digit7));
  });

  it('with binary tensors are forwarded as JSON with UPSTREAM_TENSORS=json', async () => {
    const png = new Uint8Array(digit7);
    const element = new Uint8Array([...new Uint8Array(Uint32Array.of(png.length).buffer), ...png]);
    const floats = new Uint8Array(golden.buffer, golden.byteOffset, golden.byteLength);
    for (const [input, tensor] of [
      [{ name: 'file', datatype: 'BYTES', shape: [1] }, element],
      [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1] }, floats],
    ] as const) {
      const head = new TextEncoder().encode(
        JSON.stringify({ model_name: 'digits', inputs: [{ ...input, parameters: { binary_data_size: tensor.length } }] }),
      );
      const body = new Uint8Array([...head, ...tensor]);
      const more = { UPSTREAM_TENSORS: 'json', GUARD_TENSORS: 'on' };
      const sent = await forwarded(() => ask('/v2/models/digits/infer', body, { [BINARY_HEADER]: String(head.length) }, more));
      expect(sent?.last.headers).not.toHaveProperty(BINARY_HEADER.toLowerCase());
      expect(sent?.last.headers['content-type']).toBe('application/json');
      const { inputs, ...rest } = JSON.parse(new TextDecoder().decode(sent?.body));
      expect(rest).toEqual({});
      expect(inputs).toEqual([{ ...input, data: expect.any(Array) }]);
      if (input.name === 'file') expect(await decode(bytesOf(inputs[0].data[0]))).toEqual(await decode(digit7));
      else expect(inputs[0].data.map(Math.fround)).toEqual([...golden]);
    }
  });

  it('have an id, and parameters, of the size and types that the protocol has', async () => {
    const inputs = [file([base64(digit7)])];
    const before = (await seen()).count;
    for (const wrong of [
      { id: 'x'.repeat(1025) },
      { parameters: { timeout: { data: [1, 2] } } },
      { parameters: { priority: [[0, 1]] } },
      { inputs: [{ ...inputs[0], parameters: { content_type: {} } }] },
      { outputs: [{ name: 'label', parameters: { classification: [1] } }] },
      { inputs: [{ ...inputs[0], parameters: { binary_data_size: { toString: 1, valueOf: 1 } } }] },
    ]) {
      const response = await ask('/v2/models/digits/infer', JSON.stringify({ inputs, ...wrong }));
      expect([JSON.stringify(wrong).slice(0, 100), response.status]).toEqual([expect.anything(), 400]);
    }
    expect((await seen()).count).toBe(before);
    const right = {
      id: 'x'.repeat(1024),
      parameters: { timeout: 5, priority: null },
      outputs: [{ name: 'label', parameters: { classification: 2 } }],
    };
    const sent = await forwarded(() => ask('/v2/models/digits/infer', JSON.stringify({ ...right, inputs })));
    expect(JSON.parse(new TextDecoder().decode(sent?.body))).toMatchObject({ ...right, parameters: { timeout: 5 } });
  });

  it('are of a model whose name is one segment of a path', async () => {
    for (const name of ['.', '..', 'a/b'])
      expect((await post('/screen', digit7, 'image/png', { ...env, UPSTREAM_MODEL: name })).status).toBe(503);
  });

  it("pass from KServe's client, which names the model in the body, and tritonclient's for asyncio, whose JSON is of octets", async () => {
    const body = JSON.stringify({ model_name: 'digits', inputs: [file([base64(digit7)])] });
    for (const type of ['application/json', 'application/octet-stream']) {
      const sent = await forwarded(() => post('/v2/models/digits/infer', body, type, env));
      expect(sent?.last.headers['content-type']).toBe('application/json');
      expect(Object.keys(JSON.parse(new TextDecoder().decode(sent?.body)))).toEqual(['inputs']);
    }
  });

  it('that are not accepted, or for another model, are not forwarded; errors have `error`', async () => {
    const before = (await seen()).count;
    const black = base64(encodePng({ width: 28, height: 28, channels: 1, pixels: new Uint8Array(784) }).buffer);
    for (const [path, status] of [
      ['/v2/models/digits/infer', 422],
      ['/v2/models/others/infer', 404],
      ['/v2/models/digits/versions/a%2Fb/infer', 404],
    ] as const) {
      const response = await ask(path, JSON.stringify({ inputs: [file([black])] }));
      expect([path, response.status, Object.keys((await response.json()) as object)]).toEqual([path, status, ['error']]);
    }
    expect((await seen()).count).toBe(before);
  });

  it('find its metadata and readiness behind, with a key where keys are needed', async () => {
    const get = (path: string, more: object = {}, headers: Record<string, string> = {}) =>
      app.request(path, { headers }, { LOG_REQUESTS: 'off', ...env, ...more });
    for (const path of [
      '/v2/models/digits',
      '/v2/models/digits/ready',
      '/v2/models/digits/versions/2',
      '/v2/models/digits/versions/2/ready',
    ]) {
      await get(path);
      expect((await seen()).url).toBe(path);
    }
    expect((await get('/v2/models/others/ready')).status).toBe(404);
    expect((await get('/v2/models/digits/ready', { KEYS: await keyEntry('a', 'screen', 'k') })).status).toBe(401);
    expect((await get('/v2/models/screen/ready')).status).toBe(200);
  });
});

describe("the classifier's answer", () => {
  it.each(['gzip', 'br', ...(inNode ? [] : ['deflate']), 'zstd'])(
    'of Content-Encoding %s is decoded, or says how it is encoded',
    async (encoding) => {
      const response = await guard(digit7, 'image/png', {}, {}, `/encoded/${encoding}`);
      const left = response.headers.get('content-encoding');
      expect(['gzip', 'br'].includes(encoding) ? null : encoding).toBe(left);
      if (left === null) expect(await response.json()).toMatchObject({ label: '7' });
      else expect((await response.arrayBuffer()).byteLength).toBeLessThan(200);
    },
  );

  it('comes back with its status, its type and the headers that are allowed', async () => {
    const back = async (UPSTREAM_HEADERS?: string) =>
      (await guard(digit7, 'image/png', UPSTREAM_HEADERS ? { UPSTREAM_HEADERS } : {}, {}, '/headers')).headers;
    const some = await back();
    expect([some.get('content-type'), some.get('retry-after'), some.get('x-kept')]).toEqual(['application/json', '3', null]);
    // Whatever a classifier answers, no script in it runs as one of the worker's pages.
    expect(some.get('content-security-policy')).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    );
    const others = [
      'access-control-allow-origin',
      'access-control-allow-credentials',
      'clear-site-data',
      'refresh',
      'set-cookie',
      'server',
      'x-named',
    ];
    for (const name of others) expect(some.get(name), name).toBeNull();
    const all = await back(
      ['x-kept', 'x-named', 'keep-alive', 'connection', 'trailer', 'proxy-authenticate', 'set-cookie', 'portcullis-verdict'].join(', '),
    );
    expect([all.get('x-kept'), all.get('set-cookie'), all.get('portcullis-verdict')]).toEqual(['k', 'a=b', 'accepted']);
    for (const name of ['x-named', 'keep-alive', 'connection', 'trailer', 'proxy-authenticate']) expect(all.get(name), name).toBeNull();
  });
});

describe('the request to the classifier', () => {
  it.skipIf(inNode)("has nothing of the client's query and headers but what is allowed", async () => {
    const headers = { cookie: 'a=b', 'x-custom': '1', 'x-forwarded-for': '1.2.3.4', accept: 'text/x', 'content-language': 'de' };
    const ask = (env: object) =>
      post('/guard?top=3&mode=raw', digit7, 'image/png', { UPSTREAM_URL: upstream('/label/7?fixed=1'), ...env }, headers);
    await ask({});
    const plain = await seen();
    expect([plain.url, plain.headers.accept]).toEqual(['/label/7?fixed=1', 'text/x']);
    for (const name of ['cookie', 'x-custom', 'x-forwarded-for', 'content-language']) expect(plain.headers[name], name).toBeUndefined();
    await ask({ FORWARD_QUERY: 'top', FORWARD_HEADERS: 'X-Custom, Content-Type, Authorization' });
    const more = await seen();
    expect([more.url, more.headers['x-custom'], more.headers['content-type'], more.headers.accept]).toEqual([
      '/label/7?fixed=1&top=3',
      '1',
      'image/png',
      undefined,
    ]);
  });

  it('has no header of the client that describes the body, even if it is allowed', async () => {
    const describing = ['content-language', 'content-md5', 'content-disposition', BINARY_HEADER, 'te', 'portcullis-verdict'];
    const headers = Object.fromEntries(describing.map((name) => [name, '5']));
    const sent = await forwarded(() => guard(digit7, 'image/png', { FORWARD_HEADERS: describing.join(',') }, headers));
    expect(Object.keys(sent?.last.headers ?? {}).filter((name) => describing.some((each) => each.toLowerCase() === name))).toEqual([]);
    expect(sent?.last.headers['content-type']).toBe('image/png');
  });

  it('is not made with a secret that is no header value: it is refused, and never shown', async () => {
    for (const name of ['UPSTREAM_AUTHORIZATION', 'FALLBACK_TOKEN']) {
      const response = await guard(digit7, 'image/png', { [name]: 'Bearer hunter2\nx: y' });
      const text = await response.text();
      expect([response.status, text.includes(name), text.includes('hunter2')]).toEqual([503, true, false]);
    }
    // As a file has it that was piped into the secret.
    expect((await guard(digit7, 'image/png', { UPSTREAM_AUTHORIZATION: 'Bearer a\n' })).status).toBe(200);
    expect((await seen()).headers.authorization).toBe('Bearer a');
  });

  it('takes a secret from its own variable only; one in a URL is refused, and never shown', async () => {
    for (const [name, instead] of [
      ['UPSTREAM_URL', 'UPSTREAM_AUTHORIZATION'],
      ['FALLBACK_URL', 'FALLBACK_TOKEN'],
    ] as const) {
      const response = await post('/screen', digit7, 'image/png', { [name]: 'http://user:hunter2@127.0.0.1:1/x' });
      const text = await response.text();
      expect([response.status, text.includes(instead), text.includes('hunter2')]).toEqual([503, true, false]);
    }
  });
});

it('noise is not forwarded', async () => {
  expect(await forwarded(() => guard(noise.buffer as ArrayBuffer, 'application/octet-stream', { GUARD_TENSORS: 'on' }))).toBeNull();
});
