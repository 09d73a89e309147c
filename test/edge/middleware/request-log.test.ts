import { describe, expect, inject, it, vi } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import type { Model } from '../../../shared/screening/model.ts';
import digit0 from '../../samples/digit-0-a.png';
import digit7 from '../../samples/digit-7-a.png';
import { app, keyEntry, model, noise } from '../real-model.ts';

const KEY = 'the-key-itself';
const upstream = (path: string) => `${inject('upstreamUrl')}${path}`;
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)));

interface Line {
  level: 'log' | 'warn' | 'error';
  text: string;
  [field: string]: unknown;
}

/** The answer of a request to the app, and what it wrote meanwhile. */
async function logged(path: string, init: RequestInit = {}, env: Record<string, unknown> = {}, of = app) {
  const lines: Line[] = [];
  const spies = (['log', 'warn', 'error', 'info', 'debug'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((text: string) => void lines.push({ ...JSON.parse(text), level, text })),
  );
  try {
    const response = await of.request(path, init, env);
    const body = await response.text();
    return { response, body, lines, line: lines[0] as Line };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const image = (body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({
  ...{ method: 'POST', body },
  headers: { 'content-type': 'image/png', ...headers },
});
const json = (body: unknown): RequestInit => ({
  ...{ method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) },
  headers: { 'content-type': 'application/json' },
});
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const failing: Model = { ...model, screen: () => Promise.reject(new Error('out of memory')) };
const of = (model: () => Promise<Model>) => createApp({ model, fetcher: (input, init) => fetch(input, init) });
const broken = of(() => Promise.resolve(failing));
const unloaded = of(() => Promise.reject(new Error('weights.bin was changed.')));
const refusing = { limit: async () => ({ success: false }) };
const KEYS = await keyEntry('camera', 'screen', KEY);
const stalled = () => new ReadableStream({ pull: () => new Promise(() => undefined) });
const classifier = (path: string, env: object = {}) => ({ UPSTREAM_URL: upstream(path), ...env });

/** Every status that the worker refuses with: request, what it is told, what its line says. */
const REFUSED: [number, string, () => [string, RequestInit?, Record<string, unknown>?, typeof app?], object][] = [
  [400, 'an empty body', () => ['/screen', image('')], { route: '/screen', problem: 'empty-body' }],
  [400, 'broken JSON', () => ['/screen', json('{"images"')], { route: '/screen', problem: 'bad-json' }],
  [400, 'another explain', () => ['/screen?explain=no', image(digit7)], { route: '/screen', problem: 'bad-request' }],
  [400, 'an inference request without inputs', () => ['/v2/models/screen/infer', json({ inputs: [] })], { problem: expect.any(String) }],
  [401, 'no key', () => ['/screen', image(digit7), { KEYS }], { problem: 'unauthorized', key: null }],
  [
    401,
    'an unknown key',
    () => ['/screen', image(digit7, { authorization: 'Bearer wrong' }), { KEYS }],
    { problem: 'unauthorized', key: null },
  ],
  [403, 'a key without the scope', () => ['/status', bearer(KEY), { KEYS }], { route: '/status', problem: 'forbidden', key: 'camera' }],
  [404, 'another path', () => ['/nothing/here?and=this'], { route: null, problem: 'not-found' }],
  [404, 'no classifier', () => ['/guard', image(digit7)], { route: '/guard', problem: 'not-found' }],
  [
    404,
    'another version',
    () => ['/v2/models/screen/versions/7/infer', json({})],
    { route: '/v2/models/screen/versions/{version}/infer', problem: 'not-found' },
  ],
  [405, 'another method', () => ['/screen'], { method: 'GET', route: null, problem: 'method-not-allowed' }],
  [408, 'a body that stalls', () => ['/screen', image(stalled()), { BODY_TIMEOUT_MS: '50' }], { problem: 'body-timeout' }],
  [413, 'too many bytes', () => ['/screen', image('x'.repeat(100)), { MAX_BODY_BYTES: '10' }], { problem: 'body-too-large' }],
  [413, 'too many pixels', () => ['/screen', image(digit7), { MAX_PIXELS: '10' }], { problem: 'image-too-large' }],
  [415, 'another type', () => ['/screen', { method: 'POST', body: 'hello' }], { problem: 'unsupported-media-type' }],
  [422, 'half a file', () => ['/screen', image(digit7.slice(0, 150))], { problem: 'bad-image' }],
  [
    422,
    'what the guard stops',
    () => [
      '/guard',
      image(noise.buffer as ArrayBuffer, { 'content-type': 'application/octet-stream' }),
      classifier('/label/7', { GUARD_TENSORS: 'on' }),
    ],
    { problem: 'rejected', decisions: [{ verdict: 'rejected', reason: expect.any(String) }], guard: { mode: 'enforce', forwarded: false } },
  ],
  [429, 'too many requests', () => ['/screen', image(digit7), { RATE_LIMITER: refusing }], { problem: 'too-many-requests' }],
  [
    429,
    'too many failed keys',
    () => ['/screen', image(digit7, { authorization: 'Bearer wrong' }), { KEYS, FAILED_KEY_LIMITER: refusing }],
    { problem: 'too-many-requests' },
  ],
  [500, 'a fault of ours', () => ['/screen', image(digit7), {}, broken], { problem: 'internal', why: 'out of memory', level: 'error' }],
  [
    502,
    'a classifier that fails',
    () => ['/guard', image(digit7), classifier('/503')],
    {
      problem: 'upstream-failed',
      level: 'error',
      decisions: [{ verdict: 'accepted', label: '7' }],
      guard: { forwarded: true, upstream: 'failed' },
    },
  ],
  [
    503,
    'a wrong variable',
    () => ['/screen', image(digit7), { GUARD: 'watch' }],
    { route: '/screen', problem: 'configuration', level: 'error' },
  ],
  [503, 'no model', () => ['/screen', image(digit7), {}, unloaded], { problem: 'model-unavailable', level: 'error' }],
  [
    503,
    'no model, which a load balancer asks for',
    () => ['/health/ready', {}, {}, unloaded],
    { problem: 'model-unavailable', level: 'error' },
  ],
  [
    504,
    'a silent classifier',
    () => ['/guard', image(digit7), classifier('/silent', { UPSTREAM_TIMEOUT_MS: '100' })],
    { problem: 'upstream-timeout', guard: { upstream: 'timeout' } },
  ],
];

describe('every request leaves one line', () => {
  it.each(REFUSED)('%i: %s', async (status, _, asked, expected) => {
    const { response, lines, line } = await logged(...asked());
    expect(response.status).toBe(status);
    expect(lines).toHaveLength(1);
    expect(line).toMatchObject({
      ...{ event: 'request', status, request: response.headers.get('portcullis-request') },
      ...{ trace: expect.stringMatching(/^[0-9a-f]{32}$/), method: expect.any(String), ...expected },
    });
    expect(Object.keys(line)).not.toContain('ms');
  });

  it.each<[string, string, RequestInit?]>([
    ['/model', '/model'],
    ['/docs', '/docs'],
    ['/v2', '/v2'],
    ['/openapi.json', '/openapi.json'],
    ['/model?key=secret', '/model', { method: 'HEAD' }],
    [`/v2/models/screen/versions/${model.screening.id}`, '/v2/models/screen/versions/{version}'],
  ])('%s is answered: %s', async (path, route, init) => {
    const { response, lines, line } = await logged(path, init);
    expect([response.status, lines.length]).toEqual([200, 1]);
    expect(line).toMatchObject({ level: 'log', method: init?.method ?? 'GET', route, status: 200, key: null });
    expect(line.text).not.toContain('secret');
  });

  it("has the caller's trace, its key's name and the length of its body", async () => {
    const traceId = 'a'.repeat(32);
    const headers = { authorization: `Bearer ${KEY}`, traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, 'content-length': '300' };
    const { line } = await logged('/screen', image(digit7, headers), { KEYS });
    expect(line).toMatchObject({ trace: traceId, key: 'camera', bytes: 300, model: model.screening.id, images: 1 });
    expect(line.decisions).toEqual([{ verdict: 'accepted', label: '7' }]);
  });

  it('holds the decision on each image of a batch, in its place', async () => {
    const batch = {
      images: [{ image: base64(digit7) }, { image: base64(digit7.slice(0, 150)) }, { pixels: [...noise] }, { image: base64(digit0) }],
    };
    const expected = [
      { verdict: 'accepted', label: '7', image: 0 },
      { verdict: 'error', reason: 'bad-image', image: 1 },
      { verdict: 'rejected', reason: expect.any(String), image: 2 },
      { verdict: 'accepted', label: '0', image: 3 },
    ];
    const { lines, line } = await logged('/screen', json(batch));
    expect([lines.length, line.images, line.decisions]).toEqual([1, 4, expected]);
    const rejected = await logged('/screen', json(batch), { LOG_DECISIONS: 'rejected' });
    expect([rejected.line.images, rejected.line.decisions]).toEqual([4, [expected[1], expected[2]]]);
    expect((await logged('/screen', json(batch), { LOG_DECISIONS: 'off' })).line).not.toHaveProperty('decisions');
  });

  it('has scores only where they are asked for, and never an image, a key, a query or a path', async () => {
    const secrets = { authorization: `Bearer ${KEY}`, cookie: 'session=of-the-client' };
    const asked: [string, RequestInit, Record<string, unknown>?][] = [
      ['/screen?token=in-the-query', image(digit7, secrets), { KEYS }],
      ['/screen?token=in-the-query', image(digit7, secrets), { KEYS: await keyEntry('other', 'screen', 'one') }],
      ['/screen', json({ images: [{ image: base64(digit7) }, { pixels: [...noise] }] })],
      [`/in-the-path/${KEY}`, {}],
      [`/screen/${KEY}`, image(digit7, secrets), { KEYS }],
    ];
    for (const [path, init, env] of asked) {
      const { lines, line } = await logged(path, init, env);
      expect(lines).toHaveLength(1);
      for (const secret of [
        KEY,
        'in-the-query',
        'in-the-path',
        'of-the-client',
        base64(digit7).slice(0, 20),
        'scores',
        'Distance',
        String(noise[1]),
      ])
        expect(line.text).not.toContain(secret);
      expect(line.text.length).toBeLessThan(1000);
    }
    const { line } = await logged('/screen', image(digit7), { LOG_SCORES: 'on' });
    expect(line.decisions).toMatchObject([{ scores: { reconstructionError: expect.any(Number) } }]);
  });

  it('no text of a client ends it, turns it or makes it long', async () => {
    const odd = `x\u2028{"event":"request"}\u2029\u0085\u202e${'y'.repeat(100_000)}`;
    const batch = {
      inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data: [] }],
      outputs: [{ name: odd.slice(0, 250) }],
    };
    const { line } = await logged('/v2/models/screen/infer', json(batch));
    expect(line.text).toMatch(/^[\x20-\x7e]{100,1000}$/);
    expect(line.why).toContain('\u2028');
    const query = await logged(`/screen?explain=${encodeURIComponent(odd)}`, image(digit7));
    expect(query.line.text).toMatch(/^[\x20-\x7e]{100,1000}$/);
  });
});

describe('which requests leave one', () => {
  const many = () =>
    [
      ['/screen', image(digit7)],
      ['/screen', image(noise.buffer as ArrayBuffer, { 'content-type': 'application/octet-stream' })],
      ['/nowhere'],
      ['/model'],
      ['/health/live'],
      ['/health/ready'],
      ['/v2/health/live'],
      ['/v2/health/ready'],
      ['/v2/models/screen/ready'],
    ] as [string, RequestInit?][];
  it.each<[Record<string, string>, string[]]>([
    [{}, ['/screen 200', '/screen 200', 'null 404', '/model 200']],
    [{ LOG_REQUESTS: 'refused' }, ['/screen 200', 'null 404']],
    [{ LOG_REQUESTS: 'refused', LOG_DECISIONS: 'off' }, ['/screen 200', 'null 404']],
    [{ LOG_REQUESTS: 'off' }, []],
    [{ LOG_REQUESTS: 'off', LOG_HEALTH: 'on' }, []],
    [
      { LOG_HEALTH: 'on' },
      [
        '/screen 200',
        '/screen 200',
        'null 404',
        '/model 200',
        ...['/health/live', '/health/ready', '/v2/health/live', '/v2/health/ready', '/v2/models/screen/ready'].map((path) => `${path} 200`),
      ],
    ],
  ])('%o', async (env, expected) => {
    const found = [];
    for (const [path, init] of many())
      for (const { route, status } of (await logged(path, init, env)).lines) found.push(`${route} ${status}`);
    expect(found).toEqual(expected);
  });

  it('whatever is asked for: those that failed by a fault, and those with a fault beside', async () => {
    expect((await logged('/screen', image(digit7), { LOG_REQUESTS: 'off' }, broken)).lines).toMatchObject([
      { level: 'error', status: 500 },
    ]);
    const { lines } = await logged('/screen', image(digit7), { LOG_REQUESTS: 'off', DECISIONS: {} });
    expect(lines).toMatchObject([{ level: 'warn', status: 200, faults: [{ what: 'not-recorded', why: expect.any(String) }] }]);
  });
});
