import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDeployed } from '../../bench/reliability/deployed-worker.ts';
import { forPython, readDescription } from '../../cli/clients/description.ts';
import { generatorPython, writePythonClient } from '../../cli/clients/python.ts';
import { writeTypescriptClient } from '../../cli/clients/typescript.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';

const run = promisify(execFile);
const digit = join(import.meta.dirname, '../samples/digit-7-a.png');
const bytes = await readFile(digit);
const KEY = 'explain-token';

/** Stands for the classifier behind the guard. */
const classifier = createServer((request, response) => {
  request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"class":"seven"}'));
});

let worker: Awaited<ReturnType<typeof startDeployed>>;
let folder: string;
let description: Awaited<ReturnType<typeof readDescription>>;
beforeAll(async () => {
  await once(classifier.listen(0, '127.0.0.1'), 'listening');
  worker = await startDeployed('mnist', {
    KEYS: `test:explain:${await sha256(KEY)}`,
    SCREEN_WITHOUT_KEY: 'on',
    UPSTREAM_URL: `http://127.0.0.1:${(classifier.address() as AddressInfo).port}/`,
  });
  description = await readDescription(worker.url);
  folder = await mkdtemp(join(tmpdir(), 'portcullis-clients-'));
});
afterAll(async () => {
  await worker?.close();
  classifier.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** The generator's Python, or why there is none. */
const python = await generatorPython('python3').catch((error: Error) => error);
const why = python instanceof Error ? `: SKIPPED, ${python.message}` : '';

it('the TypeScript client compiles, and asks the worker for each kind of body', async () => {
  await writeTypescriptClient(description, folder);
  const { client, screen, guard, getModel, v2ModelInfer } = await import(pathToFileURL(join(folder, 'index.js')).href);
  client.setConfig({ baseUrl: worker.url });
  const image = { body: new Blob([bytes]), bodySerializer: null, headers: { 'Content-Type': 'image/png' } };
  const base64 = bytes.toString('base64');
  expect((await screen(image)).data).toMatchObject({ verdict: 'accepted', label: '7' });
  expect((await screen({ body: { images: [{ image: base64 }] } })).data.results).toMatchObject([{ verdict: 'accepted', label: '7' }]);
  const tensor = { name: 'file', datatype: 'BYTES', shape: [1], data: [base64] };
  expect((await v2ModelInfer({ body: { inputs: [tensor] } })).data.outputs[0]).toMatchObject({ name: 'verdict', data: ['accepted'] });
  const { error, response } = await screen({ ...image, body: new Blob(['no image']) });
  expect([response.status, error.type]).toEqual([422, 'urn:portcullis:problem:bad-image']);
  expect((await guard(image)).data).toEqual({ class: 'seven' });
  expect((await getModel()).data.classes).toHaveLength(10);
  const explained = await screen({ ...image, query: { explain: '1' }, auth: KEY });
  expect(explained.data.explain.nearest).toBe('7');
});

it('what the Python generator is given still describes a body and an answer for each operation', async () => {
  const { paths } = forPython(description);
  const content = Object.keys(paths['/screen']?.post?.requestBody?.content ?? {});
  expect(content).toEqual(['application/octet-stream', 'application/json', 'multipart/form-data']);
  expect(Object.keys(paths)).toEqual(Object.keys(description.paths));
});

it.skipIf(python instanceof Error)(`the Python client installs, and asks the worker for each kind of body${why}`, async () => {
  const source = join(folder, 'python');
  await writePythonClient(description, source, python as string);
  const target = join(folder, 'site-packages');
  const offline = ['--no-deps', '--no-build-isolation', '--no-index', '--quiet', '--disable-pip-version-check'];
  await run(python as string, ['-m', 'pip', 'install', ...offline, '--target', target, source]);
  const given = { url: worker.url, digit, base64: bytes.toString('base64'), key: KEY };
  const { stdout } = await run(python as string, [join(import.meta.dirname, 'clients/ask.py'), JSON.stringify(given)], {
    env: { ...process.env, PYTHONPATH: target, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(JSON.parse(stdout)).toEqual({
    one: ['Accepted', '7'],
    form: ['Accepted', 'Problem'],
    batch: ['7'],
    inferred: ['accepted'],
    refused: [422, 'Problem', 'urn:portcullis:problem:wrong-size'],
    classified: ['accepted', { class: 'seven' }],
    model: expect.arrayContaining(['0', '9']),
    explained: '7',
  });
});
