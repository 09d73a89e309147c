import { describe, expect, it, vi } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { BINARY_HEADER, inferResponseSchema } from '../../../shared/protocol/inference-protocol.ts';
import digit7 from '../../samples/digit-7-a.png';
import { app, keyEntry, model } from '../real-model.ts';

const KEYS = await keyEntry('a', 'screen', 'one');
const INFER = '/v2/models/screen/infer';
const LOG_DECISIONS = 'off';
const base64 = btoa(String.fromCharCode(...new Uint8Array(digit7)));
const file = { name: 'file', datatype: 'BYTES', shape: [1], data: [base64] };
const golden = float32FromBase64(model.screening.golden.image);

/** A request as its client sends it: bytes, that no Content-Type is made up for. */
const ask = (body: unknown, headers: Record<string, string> = {}, env: object = {}) => {
  const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
  return app.request(INFER, { method: 'POST', body: bytes as BodyInit, headers }, { LOG_DECISIONS, ...env });
};
const outputs = async (response: Response) => {
  expect(response.status).toBe(200);
  const answer = inferResponseSchema.parse(await response.json());
  return Object.fromEntries(answer.outputs.map(({ name, data }) => [name, data]));
};
/** JSON, and behind it what its binary tensors hold. */
const binary = (json: object, ...tensors: Uint8Array[]) => {
  const head = new TextEncoder().encode(JSON.stringify(json));
  const body = Uint8Array.from([head, ...tensors].flatMap((bytes) => [...bytes]));
  return { body, headers: { [BINARY_HEADER]: String(head.byteLength) } };
};
/** An element of BYTES as numpy's object arrays are sent. */
const element = (bytes: Uint8Array) => Uint8Array.from([...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes]);
const binaryFile = (items: Uint8Array[], shape = [items.length]) => {
  const data = Uint8Array.from(items.flatMap((item) => [...element(item)]));
  return binary({ inputs: [{ name: 'file', datatype: 'BYTES', shape, parameters: { binary_data_size: data.length } }] }, data);
};

describe('an inference request as a client that exists writes it', () => {
  it('has no Content-Type (tritonclient and KServe with JSON tensors)', async () => {
    expect(await outputs(await ask({ inputs: [file] }))).toMatchObject({ verdict: ['accepted'], label: ['7'] });
  });

  it('is JSON, and called octets (tritonclient with asyncio)', async () => {
    const answer = await outputs(await ask({ inputs: [file] }, { 'content-type': 'application/octet-stream' }));
    expect(answer).toMatchObject({ verdict: ['accepted'], label: ['7'] });
  });

  it('has no Content-Type, and binary tensors (tritonclient)', async () => {
    const image = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: 3136 } };
    const { body, headers } = binary({ inputs: [image], parameters: { binary_data_output: true } }, new Uint8Array(golden.buffer));
    const response = await ask(body, headers);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
    const head = (await response.arrayBuffer()).slice(0, Number(response.headers.get(BINARY_HEADER)));
    expect(JSON.parse(new TextDecoder().decode(head)).outputs[0]).toMatchObject({
      name: 'verdict',
      parameters: { binary_data_size: 4 + 'accepted'.length },
    });
  });

  it('has null for what it leaves out (pydantic: KServe and MLServer)', async () => {
    const parameters = { binary_data_size: null, content_type: null };
    const request = { id: null, parameters: null, outputs: null, inputs: [{ ...file, parameters }] };
    expect(await outputs(await ask(request))).toMatchObject({ verdict: ['accepted'] });
    const chosen = { inputs: [{ ...file, parameters: null }], outputs: [{ name: 'label', parameters: null }], parameters: {} };
    expect(await outputs(await ask(chosen))).toEqual({ label: ['7'] });
    const none = await ask({ inputs: [{ ...file, data: null }] });
    expect([none.status, await none.json()]).toEqual([400, { error: expect.stringContaining('neither data nor binary_data_size') }]);
  });

  it('has files as [N, 1] (the codecs of MLServer)', async () => {
    const codec = { parameters: { content_type: 'base64' } };
    expect(await outputs(await ask({ inputs: [{ ...file, ...codec, shape: [1, 1] }] }))).toMatchObject({ label: ['7'] });
    const nested = { ...file, shape: [2, 1], data: [[base64], [`data:image/png;base64,${base64}`]] };
    expect(await outputs(await ask({ inputs: [nested] }))).toMatchObject({ label: ['7', '7'] });
    const wide = await ask({ inputs: [{ ...file, shape: [1, 2], data: [base64, base64] }] });
    expect(await wide.json()).toEqual({ error: 'file has the shape [1, 2]; [N] or [N, 1] is needed, N at least 1' });
  });

  it('has files as they are, or as base64, in a binary tensor (np.object_)', async () => {
    const png = new Uint8Array(digit7);
    const items = [png, new TextEncoder().encode(base64), png.slice(0, 100), new TextEncoder().encode('%%')];
    for (const shape of [[4], [4, 1]]) {
      const { body, headers } = binaryFile(items, shape);
      const { verdict, error } = await outputs(await ask(body, headers));
      expect(verdict).toEqual(['accepted', 'accepted', 'error', 'error']);
      expect(error).toEqual(['', '', expect.stringContaining('PNG'), expect.stringContaining('is not base64')]);
    }
  });
});

describe('an error under /v2 has the form of the protocol', () => {
  const counting = { RATE_LIMITER: { limit: async () => ({ success: false }) } };
  it.each<[number, string, string, object, Record<string, string>?]>([
    [404, 'POST', '/v2/models/nope/infer', {}],
    [404, 'GET', '/v2/models/nope/ready', {}],
    [404, 'GET', '/v2/repository/index', {}],
    [404, 'GET', '/v2/models/screen/versions/2', {}],
    [405, 'GET', INFER, {}],
    [405, 'POST', '/v2', {}],
    [503, 'POST', INFER, { MAX_IMAGES: 'many' }],
    [503, 'GET', '/v2/models/screen', { MAX_IMAGES: 'many' }],
    [503, 'GET', '/v2/health/ready', { MODEL_ID: '0123456789ab' }],
    [401, 'POST', INFER, { KEYS }],
    [429, 'POST', INFER, counting],
    [413, 'POST', INFER, { MAX_BODY_BYTES: '1' }],
    [415, 'POST', INFER, {}, { 'content-type': 'text/plain' }],
    [415, 'POST', INFER, {}, { 'content-encoding': 'gzip' }],
    [400, 'POST', INFER, {}],
  ])('%i of %s %s', async (status, method, path, env, headers = {}) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const body = method === 'POST' ? new TextEncoder().encode('{}') : null;
    const response = await app.request(path, { method, body, headers }, { LOG_DECISIONS, ...env });
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/json']);
    expect(await response.json()).toEqual({ error: expect.stringMatching(/.{20}/) });
    if (status === 405) expect(response.headers.get('allow')).toBeTruthy();
    if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
    logged.mockRestore();
  });

  it('where something breaks too; other paths keep problem+json', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const breaking = { RATE_LIMITER: {}, LOG_DECISIONS };
    const broken = await app.request(INFER, { method: 'POST', body: '{}' }, breaking);
    expect([broken.status, await broken.json()]).toEqual([503, { error: expect.stringContaining('[[ratelimits]]') }]);
    const screen = () => Promise.reject(new Error('secret'));
    const failing = createApp({ model: async () => ({ ...model, screen }), fetcher: fetch });
    const failed = await failing.request(INFER, { method: 'POST', body: new TextEncoder().encode(JSON.stringify({ inputs: [file] })) }, {});
    expect([failed.status, await failed.json()]).toEqual([500, { error: expect.not.stringContaining('secret') }]);
    const other = await app.request('/v3', {}, {});
    expect([other.status, other.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    logged.mockRestore();
  });
});

it('a page of another origin may read where the binary tensors of an answer begin', async () => {
  const { body, headers } = binaryFile([new Uint8Array(digit7)]);
  const response = await ask(body, { ...headers, origin: 'https://a.example' }, { CORS_ORIGINS: 'https://a.example' });
  expect(response.headers.get('access-control-expose-headers')?.toLowerCase()).toContain(BINARY_HEADER.toLowerCase());
  const preflight = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
  const allowed = await app.request(INFER, { method: 'OPTIONS', headers: preflight }, { CORS_ORIGINS: 'https://a.example' });
  expect(allowed.headers.get('access-control-allow-headers')?.toLowerCase()).toContain(BINARY_HEADER.toLowerCase());
});
