import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runInProcess } from './run-in-process.ts';

const repository = join(import.meta.dirname, '../..');
const bundle = join(repository, 'models/mnist');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function evaluate(variables: Record<string, string>) {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const args = ['--model', bundle, '--protocol', 'black-box', '--images', '1', '--backend', 'wasm', '--threads', '1', '--dry'];
  const { code, err } = await runInProcess('evaluate', args, directory);
  vi.unstubAllEnvs();
  return [code, err];
}

it('a worker that is not there, or half named, is told before anything is attacked', async () => {
  expect(await evaluate({ SCREEN_URL: 'http://127.0.0.1:1', SCREEN_KEY: 'k' })).toEqual([
    1,
    expect.stringMatching(/^error: the worker at http:\/\/127.0.0.1:1 can't be reached/),
  ]);
  expect(await evaluate({ SCREEN_URL: 'http://127.0.0.1:1' })).toEqual([1, expect.stringMatching(/^error: SCREEN_KEY is missing/)]);
});

it('a worker that takes the key back ends the evaluation with one line that says where', async () => {
  const { id } = JSON.parse(await readFile(join(bundle, 'screening.json'), 'utf8'));
  const scores = { latentDistance: 1, reconstructionError: 1, relativeError: null };
  const explain = {
    ...{ reason: null, nearest: '1', scores, thresholds: scores, pValues: { latentDistance: 1, reconstructionError: 1 } },
    ...{ tensor: '', reconstruction: '' },
  };
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.statusCode = asked++ < 3 ? 200 : 401;
      const problem = { type: 'urn:portcullis:problem:unauthorized', title: 'x', status: 401, detail: 'The key is not valid any more.' };
      response.end(JSON.stringify(response.statusCode === 200 ? { verdict: 'rejected', model: id, request: 'r', explain } : problem));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [status, stderr] = await evaluate({ SCREEN_URL: url, SCREEN_KEY: 'k' });
  server.close();
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /\nerror: Square with scores, through the HTTP door, linf 0\.2, images 0 to 1: the worker at .* answered 401: The key is [^\n]*\n$/,
  );
}, 120_000);
