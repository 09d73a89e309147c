import { Hono } from 'hono';
import { describe, expect, it, vi } from 'vitest';
import { configOf } from '../../../edge/config.ts';
import type { Env, RequestLine } from '../../../edge/env.ts';
import type { Forwarded } from '../../../edge/guard/forward.ts';
import { askUpstream, modelOfUrl, modelUrl } from '../../../edge/guard/upstream.ts';
import type { ProblemError } from '../../../edge/problem.ts';

const URL_OF = 'http://classifier/predict?fixed=1';
const JSON_BODY: Forwarded = { body: new TextEncoder().encode('{}'), headers: { 'content-type': 'application/json' } };

/** Asks a classifier that `fetcher` stands for; returns its request, and the answer or the error. */
async function ask(
  fetcher: (input: URL, init: RequestInit) => Promise<Response>,
  env: object,
  forwarded: Forwarded | null,
  client: RequestInit = {},
) {
  const line: RequestLine = { decisions: [], faults: [] };
  const asked: { url: string; init: RequestInit; headers: Headers }[] = [];
  const recorded = (input: URL, init: RequestInit) => {
    asked.push({ url: input.href, init, headers: init.headers as Headers });
    return fetcher(input, init);
  };
  let outcome: Response | ProblemError | undefined;
  const app = new Hono<Env>().all('*', async (c) => {
    c.set('config', configOf(env as Record<string, unknown>));
    c.set('services', { fetcher: recorded as typeof fetch, model: () => Promise.reject(new Error('not asked')) });
    c.set('trace', { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: '01', state: 'v=1' });
    c.set('requestId', 'the-id');
    c.set('line', line);
    outcome = await askUpstream(c, new URL(URL_OF), forwarded).catch((error: ProblemError) => error);
    return c.body(null);
  });
  await app.request('/guard?Top=3&top=4&mode=raw', client);
  const { url, init, headers } = asked[0] as (typeof asked)[number];
  return { outcome, line, url, init, headers };
}
const ok = async () => new Response('answer');

describe('the request to the classifier', () => {
  it('is a POST of the forwarded body, which follows no redirect', async () => {
    const { init, headers, url, outcome } = await ask(ok, {}, JSON_BODY);
    expect(await (outcome as Response).text()).toBe('answer');
    expect([init.method, init.redirect, init.body, url]).toEqual(['POST', 'manual', JSON_BODY.body, URL_OF]);
    expect(init).not.toHaveProperty('duplex');
    expect(Object.fromEntries(headers)).toEqual({
      ...{ 'content-type': 'application/json', 'portcullis-request': 'the-id', tracestate: 'v=1' },
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    });
  });

  it('streams a body that is a stream, and is a GET without one', async () => {
    const { init } = await ask(ok, {}, { body: new ReadableStream(), headers: {} });
    expect([init.method, (init as { duplex?: string }).duplex]).toEqual(['POST', 'half']);
    const without = await ask(ok, {}, null);
    expect([without.init.method, without.init.body, [...without.headers.keys()].includes('content-type')]).toEqual([
      'GET',
      undefined,
      false,
    ]);
  });

  it('has each query parameter that is allowed, in any case, behind those of the URL', async () => {
    expect((await ask(ok, { FORWARD_QUERY: 'top' }, null)).url).toBe(`${URL_OF}&Top=3&top=4`);
  });

  it('never has the headers that are ours, even if they are allowed', async () => {
    const names = [
      ...['authorization', 'host', 'accept-encoding', 'expect', 'inference-header-content-length', 'content-language', 'portcullis-key'],
      ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'upgrade'],
      'transfer-encoding',
    ];
    const given = Object.fromEntries([...names, 'x-custom'].map((name) => [name, '1']));
    const { headers } = await ask(ok, { FORWARD_HEADERS: [...names, 'X-Custom', 'x-absent'].join(',') }, null, { headers: given });
    expect([...headers.keys()]).toEqual(['portcullis-request', 'traceparent', 'tracestate', 'x-custom']);
  });

  it("has the operator's Authorization, and the headers of the body in place of the client's", async () => {
    const env = { FORWARD_HEADERS: 'accept', UPSTREAM_AUTHORIZATION: 'Bearer ours' };
    const { headers } = await ask(
      ok,
      env,
      { body: new Uint8Array(1), headers: { accept: 'of the body' } },
      { headers: { accept: 'text/x' } },
    );
    expect([headers.get('authorization'), headers.get('accept')]).toEqual(['Bearer ours', 'of the body']);
  });
});

describe('a classifier that fails', () => {
  it.each([300, 302, 399, 500, 503, 599])('with status %i is a problem, its body cancelled', async (status) => {
    let isCancelled = false;
    const body = new ReadableStream({
      cancel: () => {
        isCancelled = true;
      },
    });
    const { outcome } = await ask(async () => new Response(body, { status }), {}, null);
    const message = `The classifier answered ${status}. Try again; if it fails again, tell the operator.`;
    expect([outcome, isCancelled]).toMatchObject([{ problem: 'upstream-failed', message }, true]);
  });

  it('may answer without a body', async () => {
    expect((await ask(async () => new Response(null, { status: 500 }), {}, null)).outcome).toMatchObject({ problem: 'upstream-failed' });
  });

  it('is not cut off later, once it has begun to answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await ask(ok, {}, null);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it.each([200, 299, 400, 499])('is not one that answers %i', async (status) => {
    expect((await ask(async () => new Response('', { status }), {}, null)).outcome).toMatchObject({ status });
  });

  it.each([new Error('no route to 10.0.0.1'), 'no route to 10.0.0.1'])(
    "can't be reached: the runtime's words (%s) are for the operator only",
    async (error) => {
      const { outcome, line } = await ask(() => Promise.reject(error), {}, null);
      expect(outcome).toMatchObject({
        problem: 'upstream-failed',
        message: expect.stringMatching(/^The classifier can't be reached\. Try/),
      });
      expect(line.faults).toEqual([{ what: 'upstream-unreachable', why: 'no route to 10.0.0.1' }]);
    },
  );

  it('does not answer in time', async () => {
    const silent = (_: URL, { signal }: RequestInit) =>
      new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const { outcome, line } = await ask(silent, { UPSTREAM_TIMEOUT_MS: '20' }, null);
    const message = 'The classifier did not answer within 20 ms. Try again; if it fails again, tell the operator.';
    expect(outcome).toMatchObject({ problem: 'upstream-timeout', message });
    expect(line.faults).toEqual([]);
  });
});

describe("the classifier's URL", () => {
  it.each([
    ['http://h/v2/models/a/infer', 'a'],
    ['http://h/v2/models/a/infer/', 'a'],
    ['https://h/x/v2/models/a/versions/1/infer', 'a'],
    ['https://h/predict', null],
    ['https://h/v2/models/a/b/infer', null],
    ['https://h/v2/models/a/versions/1/2/infer', null],
    ['https://h/v2/models/a/infer/more', null],
    ['https://h/v2/models/a/generate?x=/infer', null],
    ['not a URL/v2/models/a/infer', null],
  ])('%s is of the model %s', (url, name) => {
    expect(modelOfUrl(url)).toBe(name);
  });

  it.each<[string, string, string, string?]>([
    ['http://h:1', '/infer', 'http://h:1/v2/models/m%20n/infer'],
    ['http://h:1/v2', '/ready', 'http://h:1/v2/models/m%20n/ready'],
    ['http://h:1/v2/', '/ready', 'http://h:1/v2/models/m%20n/ready'],
    ['http://h:1/serve/', '', 'http://h:1/serve/v2/models/m%20n'],
    ['http://h:1/v2/x', '', 'http://h:1/v2/x/v2/models/m%20n'],
    ['http://h/serve/v2/models/a/versions/1/infer', '', 'http://h/serve/v2/models/a/versions/2', '2'],
    ['http://h/serve/v2/models/a/infer/', '/infer', 'http://h/serve/v2/models/a/infer'],
    ['http://h/serve/v2/models/a/versions/1/infer', '/infer', 'http://h/serve/v2/models/a/versions/1/infer'],
    ['http://h/serve/v2/models/a/versions/1/infer', '', 'http://h/serve/v2/models/a/versions/1'],
  ])('for %s%s is %s', (url, end, made, version) => {
    expect(modelUrl(url, 'm n', end, version).href).toBe(made);
  });
});
