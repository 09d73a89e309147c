import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../fallback/app.ts';
import { ExpiredError, QueueFullError } from '../../fallback/batch.ts';
import { createMetrics } from '../../fallback/metrics.ts';
import { outputsMetadata } from '../../fallback/outputs.ts';
import { readRequest } from '../../fallback/request-reader.ts';
import type { Search } from '../../fallback/search.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { BINARY_HEADER } from '../../shared/protocol/inference-protocol.ts';
import { cpuSecondsOf } from '../cpu-seconds.ts';

let screening: Screening;
beforeAll(async () => {
  screening = await parseScreening(await readFile(join(import.meta.dirname, '../../models/mnist/screening.json'), 'utf8'));
});

type Options = Partial<Pick<Search, 'run' | 'ready' | 'checkCapacity'>> & { token?: string; lines?: string[] };

/** The app before a search that answers at once, or as the test says. */
function app({ run, ready, token, checkCapacity, lines = [] }: Options = {}) {
  const found: Search['run'] = async ({ shape: [n = 0] }) => ({
    label: new BigInt64Array(n).fill(3n),
    latent: new Float32Array(n * screening.latentDim),
    latentDistance: new Float32Array(n).fill(1.5),
    reconstructionError: new Float32Array(n).fill(2.5),
    runnerUp: new BigInt64Array(n).fill(5n),
    runnerUpError: new Float32Array(n).fill(4.5),
    modelId: new Array<string>(n).fill(screening.modelId),
    waitMs: 12.3,
    searchMs: 45.6,
  });
  const search = { screening, run: run ?? found, ready: ready ?? (async () => true), checkCapacity: checkCapacity ?? (() => undefined) };
  const outputs = outputsMetadata(screening).map(({ name }) => name);
  const reader = {
    read: async (bytes: Uint8Array, headerLength: string | null) =>
      readRequest({ body: bytes, headerLength, input: screening.input, maxImages: 4, outputs }),
  };
  const log = pino({ base: null }, { write: (line) => lines.push(line) });
  return createApp({ search, reader, metrics: createMetrics(), log }, { maxBytes: 100_000, maxImages: 4, token });
}

const INFER = '/v2/models/reclassify/infer';
const json = { 'content-type': 'application/json' };
const body = (rest: object = {}, n = 1) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [n, 28, 28, 1], data: new Array(784 * n).fill(0) }], ...rest });
const post = (path: string, text: BodyInit, headers: Record<string, string> = json, options = {}) =>
  app(options).request(path, { method: 'POST', headers, body: text, duplex: 'half' } as RequestInit);
const errorOf = async (response: Response) => ((await response.json()) as { error: string }).error;

describe('routes', () => {
  it.each([
    ['GET', INFER, 'POST'],
    ['DELETE', '/v2/models/reclassify', 'GET, HEAD'],
    ['POST', '/v2/health/ready', 'GET, HEAD'],
    ['PUT', '/v2', 'GET, HEAD'],
  ])('%s %s is a 405 that allows %s', async (method, path, allow) => {
    const response = await app().request(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect(await errorOf(response)).toContain(`takes ${allow} only`);
  });

  it('names what there is where a route, model or version is not', async () => {
    expect(await errorOf(await app().request('/v3'))).toContain(`POST ${INFER}`);
    for (const path of ['/v2/models/other', '/v2/models/other/infer', '/v2/models/other/ready']) {
      const response = await app().request(path, { method: path.endsWith('infer') ? 'POST' : 'GET' });
      expect([response.status, await errorOf(response)]).toEqual([404, 'there is no model other; there is reclassify']);
    }
    const response = await app().request('/v2/models/reclassify/versions/9');
    expect([response.status, await errorOf(response)]).toEqual([404, `there is no version 9; there is ${screening.id}`]);
    expect((await app().request(`/v2/models/reclassify/versions/${screening.id}/ready`)).status).toBe(200);
    for (const version of ['1', screening.id])
      expect((await post(`/v2/models/reclassify/versions/${version}/infer`, body())).status).toBe(200);
  });

  it('describes itself and its model', async () => {
    expect(await (await app().request('/v2')).json()).toMatchObject({ name: 'portcullis', extensions: ['binary_tensor_data'] });
    const model = (await (await app().request('/v2/models/reclassify')).json()) as { platform: string; outputs: { name: string }[] };
    expect(model.platform).toBe('onnxruntime_onnx');
    expect(model.outputs.map(({ name }) => name)).toEqual([
      'label',
      'latent',
      'latent_distance',
      'reconstruction_error',
      'runner_up',
      'runner_up_error',
      'model_id',
    ]);
  });

  it('is not ready, yet lives, where the golden image fails', async () => {
    const failing = app({ ready: async () => false });
    for (const path of ['/v2/health/ready', '/v2/models/reclassify/ready']) expect((await failing.request(path)).status).toBe(503);
    expect((await failing.request('/v2/health/live')).status).toBe(200);
  });
});

describe('inference', () => {
  it('gives the outputs that are asked for, in that order, each in its form', async () => {
    const outputs = [{ name: 'reconstruction_error', parameters: { binary_data: false } }, { name: 'label' }];
    const response = await post(INFER, body({ id: '', outputs, parameters: { binary_data_output: true } }, 2));
    const bytes = new Uint8Array(await response.arrayBuffer());
    const length = Number(response.headers.get(BINARY_HEADER));
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
    expect(head).toEqual({
      id: '',
      model_name: 'reclassify',
      model_version: screening.id,
      outputs: [
        { name: 'reconstruction_error', datatype: 'FP32', shape: [2], data: [2.5, 2.5] },
        { name: 'label', datatype: 'INT64', shape: [2], parameters: { binary_data_size: 16 } },
      ],
    });
    expect(new BigInt64Array(bytes.slice(length).buffer)).toEqual(new BigInt64Array([3n, 3n]));
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'another content type',
      { 'content-type': 'text/plain' },
      /content-type is text\/plain; application\/json or application\/octet-stream is needed/,
    ],
    ['a compressed body', { ...json, 'content-encoding': 'gzip' }, /content-encoding is gzip; only identity/],
  ])('415 for %s', async (_, headers, message) => {
    const response = await post(INFER, body(), headers);
    expect([response.status, await errorOf(response)]).toEqual([415, expect.stringMatching(message)]);
  });

  it('takes JSON and binary tensors without a Content-Type, and null for what is left out', async () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect((await post(INFER, bytes(body()), {})).status).toBe(200);
    // As tritonclient's asyncio client sends JSON alone.
    expect((await post(INFER, bytes(body()), { 'content-type': 'application/octet-stream' })).status).toBe(200);
    expect((await post(INFER, bytes(body({ id: null, parameters: { timeout: null }, outputs: null })), {})).status).toBe(200);
    const image = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data: null, parameters: { binary_data_size: 3136 } };
    const head = bytes(JSON.stringify({ parameters: null, inputs: [image] }));
    const binary = Uint8Array.from([...head, ...new Uint8Array(3136)]);
    expect((await post(INFER, binary, { [BINARY_HEADER]: String(head.length) })).status).toBe(200);
  });

  it('refuses JSON of more values than its images need, by their number', async () => {
    const response = await post(INFER, `{"inputs":[${'1,'.repeat(40_000)}1]}`);
    expect([response.status, await errorOf(response)]).toEqual([400, expect.stringMatching(/more than 7472 values/)]);
  });

  it('a body without a length is cut where it gets too long', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000).fill(32));
      },
    });
    const request = new Request(`http://fallback${INFER}`, { method: 'POST', headers: json, body: endless, duplex: 'half' } as RequestInit);
    expect((await app().request(request)).status).toBe(413);
    expect(sent).toBeLessThan(200_000);
  });

  it('values nested a hundred thousand deep, and a hundred thousand inputs, are refused at once', async () => {
    const deep = '['.repeat(40_000) + ']'.repeat(40_000);
    const seconds = await cpuSecondsOf(async () => {
      expect((await post(INFER, `{"inputs":[{"name":"image","datatype":"FP32","shape":[1,28,28,1],"data":${deep}}]}`)).status).toBe(400);
      expect((await post(INFER, `{"inputs":[${'1,'.repeat(40_000)}1]}`)).status).toBe(400);
    });
    expect(seconds).toBeLessThan(2);
  });

  it('tells a failure without its stack, and when to ask again where too many wait', async () => {
    const failed = await post(INFER, body(), json, { run: () => Promise.reject(new Error('secret at /srv/models')) });
    expect([failed.status, await failed.text()]).toEqual([500, '{"error":"the search failed; the image stays rejected"}']);
    const full = await post(INFER, body(), json, { run: () => Promise.reject(new QueueFullError('64 requests wait already', 7)) });
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '7']);
  });

  it('reads no body while there is no room, and tells a request whose time was up', async () => {
    let read = false;
    const unread = new ReadableStream(
      {
        pull() {
          read = true;
        },
      },
      { highWaterMark: 0 },
    );
    const checkCapacity = () => {
      throw new QueueFullError('64 requests wait already', 2.2);
    };
    const full = await post(INFER, unread, json, { checkCapacity });
    expect([full.status, full.headers.get('retry-after'), read]).toEqual([503, '3', false]);
    const late = await post(INFER, body(), json, { run: () => Promise.reject(new ExpiredError('the search did not begin within 5 ms')) });
    expect([late.status, await errorOf(late)]).toEqual([503, 'the search did not begin within 5 ms; try again later']);
  });

  it.each([
    [2_500_000, 2500],
    [0, undefined],
  ])('parameter timeout %j, in microseconds, goes on to the search as %j ms', async (timeout, timeoutMs) => {
    let asked: object | undefined;
    const run: Search['run'] = (_, options) => {
      asked = options;
      return Promise.reject(new Error('enough'));
    };
    await post(INFER, body({ parameters: { timeout } }), json, { run });
    expect((asked as { timeoutMs?: number }).timeoutMs).toBe(timeoutMs);
  });

  it.each([-1, 1.5, '2s', false, 1e300])('parameter timeout %j is refused', async (timeout) => {
    const response = await post(INFER, body({ parameters: { timeout } }));
    expect([response.status, await errorOf(response)]).toEqual([400, expect.stringContaining('a whole number of microseconds is needed')]);
  });

  it('asks for the token, but not for health', async () => {
    const options = { token: 'right' };
    for (const authorization of ['', 'Bearer wrong', 'right', 'Basic right'])
      expect((await post(INFER, body(), { ...json, authorization }, options)).status).toBe(401);
    expect((await post(INFER, body(), { ...json, authorization: 'Bearer right' }, options)).status).toBe(200);
    expect((await app(options).request('/v2/models/reclassify')).status).toBe(401);
    expect((await app(options).request('/v2')).status).toBe(401);
    expect((await app(options).request('/v2/health/ready')).status).toBe(200);
  });
});

describe('what is told of requests', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

  it('a line each: id, trace, images, times and status, nothing of the images or of the token', async () => {
    const lines: string[] = [];
    const to = app({ lines, token: 'the-token' });
    const headers = { ...json, traceparent: `00-${trace}-00f067aa0ba902b7-01`, authorization: 'Bearer the-token' };
    await to.request(INFER, { method: 'POST', headers, body: body({ id: 'x'.repeat(500) }, 2).replace('[0,', '[0.123,') });
    await to.request('/v2/health/live');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      ...{
        event: 'request',
        path: INFER,
        status: 200,
        outcome: 'answered',
        id: 'x'.repeat(128),
        trace,
        images: 2,
        waitMs: 12,
        searchMs: 46,
      },
    });
    expect(lines[0]).not.toMatch(/0\.123|the-token/);
  });

  it.each([
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', undefined],
    ['cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', trace],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', undefined],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', undefined],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
    ['{"level":60}', undefined],
  ])('traceparent %s is trace %s', async (traceparent, expected) => {
    const lines: string[] = [];
    await app({ lines }).request(INFER, { method: 'POST', headers: { ...json, traceparent }, body: body() });
    expect(JSON.parse(lines[0] as string).trace).toBe(expected);
  });

  it('a failure is logged with its cause, and each outcome is counted', async () => {
    const lines: string[] = [];
    const failing = app({ lines, run: () => Promise.reject(new Error('the cause')) });
    const ask = (text: string) => failing.request(INFER, { method: 'POST', headers: json, body: text });
    await ask(body());
    await ask('{');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, status: 500, outcome: 'failed', why: 'Error: the cause' },
      { level: 30, status: 400, outcome: 'invalid' },
    ]);
    const metrics = await (await failing.request('/metrics')).text();
    for (const line of ['{outcome="failed"} 1', '{outcome="invalid"} 1', '{outcome="answered"} 0'])
      expect(metrics).toContain(`portcullis_fallback_requests_total${line}\n`);
    expect(metrics).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });
});
