import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { checkEndpoint, EndpointError, endpointOf, httpOracle } from '../../evaluate/measure/endpoint.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';

const screening = await parseScreening(await readFile(join(import.meta.dirname, '../../models/mnist/screening.json'), 'utf8'));
const verdict = { verdict: 'rejected', model: screening.id, request: 'r' };
const problem = (status: number, detail: string, name = 'x') => ({ type: `urn:portcullis:problem:${name}`, title: 'x', status, detail });

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  breaksOff?: boolean;
}

/** Answers what is in `script`, its last again and again. */
let script: Answer[];
let asked: string[];
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
  const { status, body, headers, breaksOff } = (script.length > 1 ? script.shift() : script[0]) as Answer;
  request.resume().on('end', () => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    if (!breaksOff) return response.writeHead(status, headers).end(text);
    response.writeHead(status, { 'content-length': 2 * text.length }).write(text, () => response.destroy());
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const endpoint = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'k' };
beforeEach(() => {
  asked = [];
});
afterAll(() => server.close());

const image = new Float32Array(28 * 28);
const ask = (feedback: 'scores' | 'verdicts' = 'verdicts') => httpOracle(endpoint, screening, feedback)(image);

describe('what is no verdict is never taken for a rejection', () => {
  it.each([
    [401, problem(401, 'The key is not known.'), /answered 401: The key is not known/],
    [403, problem(403, 'the scope explain is needed'), /answered 403: the scope explain/],
    [500, '<h1>oops</h1>', /answered 500: <h1>oops/],
    [200, '<h1>a page</h1>', /answered 200, but with no verdict/],
    [200, { ...verdict, verdict: 'maybe' }, /no verdict/],
    [200, { ...verdict, model: 'f'.repeat(64) }, /serves model ffff.*Start it with the bundle/],
  ])('%i', async (status, body, message) => {
    script = [{ status, body }];
    await expect(ask()).rejects.toThrow(message);
    expect(asked).toHaveLength(1);
  });

  it('nor is a verdict without its scores, where scores are needed', async () => {
    script = [{ status: 200, body: verdict }];
    await expect(ask('scores')).rejects.toThrow(/needs the scope explain/);
    expect(await ask()).toEqual([{ accepted: false, label: null, logRatios: null }]);
    expect(asked).toEqual(['POST /screen?explain=1 Bearer k', 'POST /screen Bearer k']);
  });

  it('nor is an answer that breaks off', async () => {
    script = [{ status: 200, body: verdict, breaksOff: true }];
    await expect(ask()).rejects.toThrow(EndpointError);
  });

  it.each(['model-unavailable', 'configuration'])('nor is a worker that can not screen: %s is not waited for', async (name) => {
    script = [{ status: 503, body: problem(503, 'Deploy a whole bundle.', name) }];
    await expect(ask()).rejects.toThrow(/answered 503: Deploy a whole bundle/);
    expect(asked).toHaveLength(1);
  });

  it('nor is a worker that is not there', async () => {
    await expect(checkEndpoint({ url: 'http://127.0.0.1:1', key: 'k' }, screening)).rejects.toThrow(
      /the worker at http:\/\/127.0.0.1:1 can't be reached/,
    );
  });
});

describe('a worker that says "not now"', () => {
  it.each([429, 503])('%i: is asked again when it says, and then counts', async (status) => {
    script = [
      { status, body: problem(status, 'wait'), headers: { 'retry-after': '0' } },
      { status: 200, body: verdict },
    ];
    expect(await ask()).toEqual([{ accepted: false, label: null, logRatios: null }]);
    expect(asked).toHaveLength(2);
  });

  it('and reports a worker that goes on saying so', async () => {
    script = [{ status: 429, body: problem(429, 'Wait 60 seconds.'), headers: { 'retry-after': '0' } }];
    await expect(ask()).rejects.toThrow(/answered 429 4 times: Wait 60 seconds/);
  });
});

it('an endpoint has an address and a key, or is none', () => {
  expect(endpointOf({})).toBeNull();
  expect(endpointOf({ SCREEN_URL: 'http://127.0.0.1:8787/', SCREEN_KEY: 'k' })).toEqual({ url: 'http://127.0.0.1:8787', key: 'k' });
  expect(() => endpointOf({ SCREEN_URL: 'http://127.0.0.1:8787' })).toThrow(/SCREEN_KEY is missing/);
  expect(() => endpointOf({ SCREEN_KEY: 'k' })).toThrow(/SCREEN_URL is missing/);
  expect(() => endpointOf({ SCREEN_URL: 'localhost:8787', SCREEN_KEY: 'k' })).toThrow(/an address such as/);
});
