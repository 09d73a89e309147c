import { describe, expect, inject, it, vi } from 'vitest';
import { encodePng } from '../../../edge/guard/encode-png.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { sha256 } from '../../../shared/bundle/hashes.ts';
import digit0 from '../../samples/digit-0-a.png';
import digit7 from '../../samples/digit-7-a.png';
import { keyEntry, model, noise, post, problemName } from '../real-model.ts';
import type { Seen } from '../upstream-server.ts';

const upstream = (path: string) => `${inject('upstreamUrl')}${path}`;
const seen = async (): Promise<Seen> => (await fetch(upstream('/seen'))).json();
const guard = (body: BodyInit, path: string, env: object = {}, type = 'image/png', headers: Record<string, string> = {}, query = '') =>
  post(`/guard${query}`, body, type, { UPSTREAM_URL: upstream(path), ...env }, headers);
const bytesOf = (values: Float32Array) => values.buffer as ArrayBuffer;
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const quietly = async <T>(work: () => T | Promise<T>): Promise<T> => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    return await work();
  } finally {
    logged.mockRestore();
  }
};

describe('POST /guard', () => {
  it('forwards, with FORWARD=original, an accepted body to the bit, and returns the answer with the verdict', async () => {
    const env = {
      UPSTREAM_AUTHORIZATION: 'Bearer of-the-classifier',
      FORWARD: 'original',
      FORWARD_QUERY: 'top',
      UPSTREAM_HEADERS: 'X-Classifier',
    };
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const headers = { authorization: 'Bearer of-the-client', accept: 'text/x', traceparent, tracestate: 'v=1', cookie: 'c=d' };
    const response = await guard(digit7, '/label/7', env, 'image/png', headers, '?top=3&explain=0');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ label: '7', index: 7 });
    expect(response.headers.get('Portcullis-Verdict')).toBe('accepted');
    expect(response.headers.get('Portcullis-Label')).toBe('7');
    expect(response.headers.get('x-classifier')).toBe('yes');
    expect(response.headers.get('set-cookie')).toBeNull();
    const last = await seen();
    expect(last.sha256).toBe(await sha256(new Uint8Array(digit7)));
    expect(last.url).toBe('/label/7?top=3');
    expect(last.headers).toMatchObject({
      authorization: 'Bearer of-the-classifier',
      accept: 'text/x',
      'content-type': 'image/png',
      tracestate: 'v=1',
    });
    expect(last.headers.traceparent).toMatch(new RegExp(`^00-${'a'.repeat(32)}-(?!${'b'.repeat(16)})[0-9a-f]{16}-01$`));
    expect(last.headers.cookie).toBeUndefined();
    expect(last.headers['portcullis-request']).toBe(response.headers.get('Portcullis-Request'));
  });

  it("passes the classifier's own 4xx back, and its pieces as they come", async () => {
    const refused = await guard(digit7, '/404');
    expect([refused.status, await refused.text()]).toEqual([404, '{"error":"of the classifier"}']);
    expect(await (await guard(digit7, '/pieces')).text()).toBe('one two');
  });

  it.each<[string, BodyInit, string, number, string]>([
    ['noise', bytesOf(noise), 'application/octet-stream', 422, 'not-forwarded'],
    ['half a PNG', digit7.slice(0, 150), 'image/png', 422, 'bad-image'],
    ['text', 'hello', 'text/plain', 415, 'unsupported-media-type'],
    ['nothing', new ArrayBuffer(0), 'image/png', 400, 'empty-body'],
    [
      'a batch of which one is noise',
      JSON.stringify({ images: [{ image: base64(digit7) }, { pixels: [...noise] }] }),
      'application/json',
      422,
      'not-forwarded',
    ],
    [
      'a batch of which one is broken',
      JSON.stringify({ images: [{ image: base64(digit7) }, { image: 'AAAA' }] }),
      'application/json',
      422,
      'bad-image',
    ],
    ['6 MB', new ArrayBuffer(6 * 1024 * 1024), 'image/png', 413, 'body-too-large'],
  ])('%s is stopped, and the classifier never sees it', async (_, body, type, status, name) => {
    const before = (await seen()).count;
    const response = await guard(body, '/label/7', {}, type);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await problemName(response)).toBe(name);
    expect((await seen()).count).toBe(before);
  });

  it('a batch passes where all of it is accepted, with a label each', async () => {
    const response = await guard(
      JSON.stringify({ images: [{ image: base64(digit7) }, { image: base64(digit0) }] }),
      '/label/x',
      {},
      'application/json',
    );
    expect([response.headers.get('Portcullis-Verdict'), response.headers.get('Portcullis-Label')]).toEqual(['accepted, accepted', '7, 0']);
  });

  it.each<[string, string, number, string]>([
    ['answers 500', '/500', 502, 'upstream-failed'],
    ['answers 503', '/503', 502, 'upstream-failed'],
    ['redirects', '/redirects', 502, 'upstream-failed'],
    ['says nothing', '/silent', 504, 'upstream-timeout'],
  ])('a classifier that %s is a fault of its own', async (_, path, status, name) => {
    const response = await quietly(() => guard(digit7, path, { UPSTREAM_TIMEOUT_MS: '300' }));
    expect(response.status).toBe(status);
    expect(await problemName(response)).toBe(name);
    expect(response.headers.get('Portcullis-Verdict')).toBeNull();
  });

  it('a classifier that is not there is a 502; one that stalls within its answer ends it', async () => {
    const response = await quietly(() => post('/guard', digit7, 'image/png', { UPSTREAM_URL: 'http://127.0.0.1:1' }));
    expect(response.status).toBe(502);
    const stalled = await guard(digit7, '/stalls', { UPSTREAM_TIMEOUT_MS: '200' });
    await expect(stalled.text()).rejects.toThrow(/did not answer within 200 ms/);
  });

  describe('inference requests (UPSTREAM_PROTOCOL=v2)', () => {
    const [file0, file7] = [base64(digit0), base64(digit7)];
    const file = (data: string[], more: object = {}) => ({ name: 'file', datatype: 'BYTES', shape: [data.length], data, ...more });
    const infer = (inputs: object[], more: object = {}) => JSON.stringify({ inputs, ...more });
    const ask = (body: BodyInit, env: object = {}, path = '/label/7', type = 'application/json', headers: Record<string, string> = {}) =>
      guard(body, path, { UPSTREAM_PROTOCOL: 'v2', FORWARD: 'original', GUARD_TENSORS: 'on', ...env }, type, headers);
    const golden = float32FromBase64(model.screening.golden.image);
    const floats = (data: number[] | number[][], shape = [1, 28, 28, 1]) => infer([{ name: 'image', datatype: 'FP32', shape, data }]);
    /** The binary tensor extension. */
    const binary = (tensor: Float32Array) => {
      const input = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: 4 * tensor.length } };
      const head = new TextEncoder().encode(infer([input]));
      const body = new Uint8Array(head.length + 4 * tensor.length);
      body.set(head);
      body.set(new Uint8Array(tensor.buffer), head.length);
      return { body, headers: { 'inference-header-content-length': String(head.length) } };
    };
    const askBinary = (tensor: Float32Array, env: object = {}) => {
      const { body, headers } = binary(tensor);
      return ask(body, env, '/label/7', 'application/octet-stream', headers);
    };

    it.each<[string, object]>([
      ['with inputs alone', {}],
      [
        'with all members that are forwarded',
        {
          ...{ id: '1', parameters: { binary_data_output: false, timeout: 5, priority: 1, content_type: 'base64' } },
          outputs: [{ name: 'class', parameters: { binary_data: false, classification: 3 } }],
        },
      ],
    ])('are forwarded to the bit where all their images are accepted: %s', async (_, more) => {
      const body = infer([file([file7, file0])], more);
      const response = await ask(body);
      expect([response.status, response.headers.get('Portcullis-Verdict')]).toEqual([200, 'accepted, accepted']);
      expect((await seen()).sha256).toBe(await sha256(new TextEncoder().encode(body)));
    });

    it('binary tensors are re-encoded, with the header that says where they begin', async () => {
      const { body, headers } = binary(golden);
      const response = await askBinary(golden);
      expect([response.status, response.headers.get('Portcullis-Verdict')]).toEqual([200, 'accepted']);
      const last = await seen();
      const length = headers['inference-header-content-length'];
      expect([last.sha256, last.headers['inference-header-content-length']]).toEqual([await sha256(body), length]);
    });

    it("the classifier's labels are compared with the screen's", async () => {
      const agreeing = { AGREEMENT_POINTER: '/labels' };
      expect((await ask(infer([file([file7, file0])]), agreeing, '/labels/7,0')).status).toBe(200);
      expect((await ask(infer([file([file7, file0])]), agreeing, '/labels/0,7')).status).toBe(422);
    });

    it.each<[string, () => Response | Promise<Response>, number, string, RegExp]>([
      ['one that is no image', () => ask(infer([file([file7, 'AAAA'])])), 422, 'bad-image', /Image 2 of 2/],
      ['noise', () => askBinary(noise), 422, 'rejected', /rejected/],
      ['nothing', () => ask(''), 400, 'empty-body', /inference request/],
      ['two inputs', () => ask(infer([file([file7]), file([file0])])), 400, 'bad-json', /2 inputs; one is needed/],
      ['a member more', () => ask(infer([file([file7])], { instances: [[0]] })), 400, 'bad-json', /"instances"; only id, /],
      ['a long member', () => ask(infer([file([file7])], { ['k'.repeat(1e5)]: 1 })), 400, 'bad-json', /^.{50,700}$/],
      [
        'shared memory for data',
        () => ask(infer([file([file7], { parameters: { shared_memory_region: 'r' } })])),
        400,
        'bad-json',
        /"shared_memory_region"; only/,
      ],
      [
        'shared memory for outputs',
        () => ask(infer([file([file7])], { outputs: [{ name: 'class', parameters: { shared_memory_region: 'r' } }] })),
        400,
        'bad-json',
        /output's parameters has "shared_memory_region"/,
      ],
      ['data twice', () => ask(infer([file([file7], { parameters: { binary_data_size: 0 } })])), 400, 'bad-json', /BYTES elements/],
      ['another way to decode', () => ask(infer([file([file7])], { parameters: { content_type: 'pd' } })), 400, 'bad-json', /content_type/],
      [
        'chosen outputs where labels are compared',
        () => ask(infer([file([file7])], { outputs: [{ name: 'class' }] }), { AGREEMENT_POINTER: '/label' }),
        400,
        'bad-json',
        /can't be chosen/,
      ],
      ['inputs twice', () => ask(`{"inputs":[],${infer([file([file7])]).slice(1)}`), 400, 'bad-json', /"inputs" twice/],
      ['65 images', () => ask(infer([file(Array(65).fill(file7))])), 413, 'body-too-large', /at most 64/],
      ['another size', () => ask(floats([...golden], [1, 784, 1, 1])), 422, 'wrong-size', /\[N, 28, 28, 1\] is needed/],
      ['a value beyond 1', () => ask(floats([2, ...golden.slice(1)])), 422, 'not-finite', /value 0 of image is 2/],
      [
        'another nesting than the shape',
        () => ask(floats([[...golden.slice(392)], [...golden.slice(0, 392)]])),
        400,
        'bad-json',
        /nested otherwise/,
      ],
      [
        'a charset',
        () => ask(infer([file([file7])]), {}, '/label/7', 'application/json; charset=utf-7'),
        415,
        'unsupported-media-type',
        /utf-7/,
      ],
      ['a PNG', () => ask(digit7, {}, '/label/7', 'image/png'), 415, 'unsupported-media-type', /inference requests/],
      ['a batch of ours', () => ask(JSON.stringify({ images: [{ image: file7 }] })), 400, 'bad-json', /inputs/],
    ])('%s is stopped', async (_, send, status, name, detail) => {
      const before = (await seen()).count;
      const response = await send();
      expect([response.status, await problemName(response.clone())]).toEqual([status, name]);
      expect(((await response.json()) as { detail: string }).detail).toMatch(detail);
      expect((await seen()).count).toBe(before);
    });
  });

  it('a client can not choose that its body is read as an inference request', async () => {
    const file7 = base64(digit7);
    const body = JSON.stringify({ inputs: [{ name: 'file', datatype: 'BYTES', shape: [1], data: [file7] }] });
    expect(await problemName(await guard(body, '/label/7', {}, 'application/json'))).toBe('bad-json');
    // Its header says where binary tensors begin; to a classifier of plain bodies it is nothing, and it does not get there.
    const golden = float32FromBase64(model.screening.golden.image);
    const response = await guard(bytesOf(golden), '/label/7', { GUARD_TENSORS: 'on' }, 'application/octet-stream', {
      'inference-header-content-length': '2',
    });
    expect(response.status).toBe(200);
    expect((await seen()).headers).not.toHaveProperty('inference-header-content-length');
  });

  it.each(['image/png; charset=utf-16', 'application/json; charset=utf-7', 'application/json; profile=x'])(
    'a body of type %s, which others may decode otherwise, is stopped',
    async (type) => {
      const body = type.startsWith('image') ? digit7 : JSON.stringify({ images: [{ image: base64(digit7) }] });
      const env = { FORWARD: 'original' };
      expect((await guard(body, '/label/7', env, type)).status).toBe(415);
      expect((await guard(body, '/label/7', env, `${type.split(';')[0]}; charset=UTF-8`)).status).toBe(200);
    },
  );

  it('needs a key where keys are configured, and a classifier', async () => {
    const env = { KEYS: await keyEntry('a', 'screen', 'secret') };
    expect((await guard(digit7, '/label/7', env)).status).toBe(401);
    expect((await guard(digit7, '/label/7', env, 'image/png', { authorization: 'Bearer secret' })).status).toBe(200);
    expect((await seen()).headers.authorization).toBeUndefined();
    expect((await post('/guard', digit7, 'image/png')).status).toBe(404);
  });

  it('without a model nothing passes', async () => {
    const before = (await seen()).count;
    const response = await quietly(() => guard(digit7, '/label/7', { MODEL_ID: '0123456789ab' }));
    expect([response.status, await problemName(response)]).toEqual([503, 'model-unavailable']);
    expect((await seen()).count).toBe(before);
    expect((await guard(digit7, '/label/7', { MODEL_ID: model.screening.id.slice(0, 12) })).status).toBe(200);
  });
});

describe('reclassified images', () => {
  const env = { RECLASSIFY: 'fallback', RECLASSIFY_KEEP_ALL: 'on', GUARD_TENSORS: 'on' };
  it('pass only where that is asked for', async () => {
    const given = { ...env, FALLBACK_URL: inject('fallbackUrl') };
    const before = (await seen()).count;
    expect((await guard(bytesOf(noise), '/label/7', given, 'application/octet-stream')).status).toBe(422);
    expect((await seen()).count).toBe(before);
    const response = await guard(bytesOf(noise), '/label/7', { ...given, FORWARD_RECLASSIFIED: 'on' }, 'application/octet-stream');
    expect([response.status, response.headers.get('Portcullis-Verdict')]).toEqual([200, 'reclassified']);
  });
});

describe('the agreement test', () => {
  const env = { AGREEMENT_POINTER: '/label' };
  it('passes the same label, stops another', async () => {
    const same = await guard(digit7, '/label/7', env);
    expect([same.status, await same.json()]).toEqual([200, { label: '7', index: 7 }]);
    const other = await guard(digit7, '/label/1', env);
    expect([other.status, await problemName(other)]).toEqual([422, 'rejected']);
    expect((await guard(digit7, '/label/7', { AGREEMENT_POINTER: '/index', AGREEMENT_BY: 'index' })).status).toBe(200);
    expect((await guard(digit7, '/label/1', { AGREEMENT_POINTER: '/index', AGREEMENT_BY: 'index' })).status).toBe(422);
  });

  it('of a batch compares each', async () => {
    const batch = JSON.stringify({ images: [{ image: base64(digit7) }, { image: base64(digit0) }] });
    const statuses = ['/labels/7,0', '/labels/7,1', '/labels/7'].map((path) =>
      quietly(() => guard(batch, path, { AGREEMENT_POINTER: '/labels' }, 'application/json')).then(({ status }) => status),
    );
    expect(await Promise.all(statuses)).toEqual([200, 422, 502]);
  });

  it.each(['/pieces', '/breaks', '/large', '/stalls'])('an answer that has no label (%s) is never a pass', async (path) => {
    const response = await quietly(() => guard(digit7, path, { ...env, UPSTREAM_TIMEOUT_MS: '200' }));
    expect(response.status).toBe(path === '/stalls' ? 504 : 502);
  });
});

describe('GUARD=observe', () => {
  const observed = async (body: BodyInit, type: string, env: object = {}) => {
    const lines: Record<string, unknown>[] = [];
    const logged = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(JSON.parse(line)));
    const before = (await seen()).count;
    const response = await guard(body, '/label/7', { GUARD: 'observe', LOG_REQUESTS: 'all', ...env }, type);
    const text = await response.text();
    logged.mockRestore();
    const last = await seen();
    return { response, text, lines, forwarded: last.count - before, sha256: last.sha256 };
  };

  it.each<[string, Uint8Array, string, object]>([
    ['a digit', new Uint8Array(digit7), 'image/png', { verdict: 'accepted', label: '7' }],
    ['noise', new Uint8Array(noise.buffer), 'application/octet-stream', { verdict: 'error', reason: 'not-forwarded' }],
    ['a broken file', new Uint8Array(digit7.slice(0, 150)), 'image/png', { verdict: 'error', reason: 'bad-image' }],
    ['another type', new TextEncoder().encode('hello'), 'text/plain', { verdict: 'error', reason: 'unsupported-media-type' }],
    ['more than is read', new Uint8Array(6 * 1024 * 1024).fill(3), 'image/png', { verdict: 'error', reason: 'body-too-large' }],
  ])('%s is forwarded whole, and logged', async (_, body, type, expected) => {
    const { response, text, lines, forwarded, sha256: sent } = await observed(body as BodyInit, type);
    expect([response.status, forwarded, sent]).toEqual([200, 1, await sha256(body)]);
    expect(JSON.parse(text)).toMatchObject({ label: '7' });
    expect(response.headers.get('Portcullis-Guard')).toBe('observe');
    expect(lines).toMatchObject([
      { event: 'request', route: '/guard', status: 200, decisions: [expected], guard: { mode: 'observe', forwarded: true, upstream: 200 } },
    ]);
  });

  it('an answer that is too long to compare comes back all the same', async () => {
    const response = await guard(digit7, '/large', { GUARD: 'observe', AGREEMENT_POINTER: '/label' });
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 6 * 1024 * 1024]);
  });

  it('a model that can not be loaded stops nobody, and disagreement is written down', async () => {
    const { response, lines } = await observed(digit7, 'image/png', { MODEL_ID: '0123456789ab' });
    expect(response.status).toBe(200);
    expect(lines).toMatchObject([{ decisions: [{ verdict: 'error', reason: 'model-unavailable' }] }]);
    const other = await observed(digit0, 'image/png', { AGREEMENT_POINTER: '/label' });
    expect(other.response.status).toBe(200);
    expect(other.lines).toMatchObject([{ decisions: [{ verdict: 'accepted', label: '0' }], guard: { agreed: false } }]);
  });
});

describe('the log line of a guarded request', () => {
  const batch = JSON.stringify({ images: [{ image: base64(digit7) }, { image: 'AAAA' }] });
  const black = encodePng({ width: 28, height: 28, channels: 1, pixels: new Uint8Array(784) });
  const drop = { ON_PARTIAL: 'drop' };
  const compare = { AGREEMENT_POINTER: '/label' };
  const observe = { GUARD: 'observe' };
  it.each<[string, string, object, BodyInit, number, object]>([
    ['a digit', '/label/7', {}, digit7, 200, { forwarded: true, upstream: 200 }],
    ['a 4xx of the classifier, which has no label', '/404', compare, digit7, 404, { forwarded: true, upstream: 404 }],
    ['a black image', '/label/7', {}, black, 422, { forwarded: false }],
    ['a classifier that fails', '/500', {}, digit7, 502, { forwarded: true, upstream: 'failed' }],
    ['a classifier that is silent', '/silent', { UPSTREAM_TIMEOUT_MS: '100' }, digit7, 504, { forwarded: true, upstream: 'timeout' }],
    ['the same label', '/label/7', compare, digit7, 200, { forwarded: true, upstream: 200, agreed: true }],
    ['another label', '/label/1', compare, digit7, 422, { forwarded: true, upstream: 200, agreed: false }],
    ['no label', '/pieces', compare, digit7, 502, { forwarded: true, upstream: 200 }],
    ['a batch of which one is dropped', '/label/7', drop, batch, 200, { forwarded: true, upstream: 200, dropped: 1 }],
    [
      'a batch of which none is dropped',
      '/label/7',
      { ...drop, ...observe },
      batch,
      200,
      { forwarded: true, upstream: 200, mode: 'observe' },
    ],
    [
      'labels where not every image is accepted',
      '/label/7',
      { ...compare, ...observe },
      batch,
      200,
      { forwarded: true, upstream: 200, mode: 'observe' },
    ],
    [
      'a disagreement that is observed',
      '/label/1',
      { ...compare, ...observe },
      digit7,
      200,
      { forwarded: true, upstream: 200, agreed: false, mode: 'observe' },
    ],
    ['no label that is observed', '/pieces', { ...compare, ...observe }, digit7, 200, { forwarded: true, upstream: 200, mode: 'observe' }],
  ])('says what became of %s', async (_, path, env, body, status, expected) => {
    const lines: { guard: object }[] = [];
    const spies = (['log', 'error'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line))),
    );
    const response = await guard(body, path, { LOG_REQUESTS: 'all', ...env }, body === batch ? 'application/json' : 'image/png');
    await response.text();
    for (const spy of spies) spy.mockRestore();
    expect([response.status, lines.map((line) => line.guard)]).toEqual([status, [{ mode: 'enforce', ...expected }]]);
    const isObserved = 'mode' in expected;
    expect(response.headers.get('Portcullis-Guard')).toBe(isObserved ? 'observe' : null);
  });

  it('says which image stops a batch, and nothing of a place where there is one', async () => {
    const detail = async (body: BodyInit, type: string) =>
      ((await (await guard(body, '/label/7', {}, type)).json()) as { detail: string }).detail;
    expect(await detail(batch, 'application/json')).toMatch(/^Image 2 of 2: /);
    expect(await detail(black, 'image/png')).toBe(
      'The image was rejected and not forwarded to the classifier. Send an image of one of the classes.',
    );
  });

  it('has a label for each accepted image only, percent-encoded', async () => {
    const response = await guard(batch, '/label/7', drop, 'application/json');
    expect([response.headers.get('Portcullis-Verdict'), response.headers.get('Portcullis-Label')]).toEqual(['accepted, error', '7,']);
    const none = await guard(digit7.slice(0, 150), '/label/7', observe);
    expect([none.headers.get('Portcullis-Verdict'), none.headers.get('Portcullis-Label')]).toEqual(['error', null]);
  });
});

it('a data point is written for each decision, and a dataset that fails fails nobody', async () => {
  const points: unknown[] = [];
  const DECISIONS = { writeDataPoint: (point: unknown) => points.push(point) };
  await post('/screen', bytesOf(noise), 'application/octet-stream', { DECISIONS });
  expect(points).toEqual([
    { indexes: [model.screening.id], blobs: ['screen', 'rejected', '', expect.any(String), '', ''], doubles: [1, 1] },
  ]);
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect((await post('/screen', digit7, 'image/png', { DECISIONS: {} })).status).toBe(200);
  expect(warned).toHaveBeenCalledOnce();
  warned.mockRestore();
});
