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
// biome-ignore lint/suspicious/noExplicitAny: it is generated while the test runs.
let typescript: Record<string, any>;
/** The routes that clients have. */
let operations: { operationId: string; method: string }[];
const PARAMETERS = { model: 'classifier', version: '1' };
/** The worker here has no classifier that takes inference requests. */
const statusOf = (operationId: string) => (operationId.startsWith('v2GetClassifier') ? 404 : 200);
beforeAll(async () => {
  await once(classifier.listen(0, '127.0.0.1'), 'listening');
  worker = await startDeployed('mnist', {
    KEYS: `test:explain+admin:${await sha256(KEY)}`,
    SCREEN_WITHOUT_KEY: 'on',
    UPSTREAM_URL: `http://127.0.0.1:${(classifier.address() as AddressInfo).port}/`,
  });
  description = await readDescription(worker.url);
  operations = Object.values(description.paths).flatMap((methods) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ operationId, method })),
  );
  folder = await mkdtemp(join(tmpdir(), 'portcullis-clients-'));
  await writeTypescriptClient(description, folder);
  typescript = await import(pathToFileURL(join(folder, 'index.js')).href);
  typescript.client.setConfig({ baseUrl: worker.url });
});
afterAll(async () => {
  await worker?.close();
  classifier.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Turns the name of a Python module, such as `v_2_get_model`, into that of its operation. */
const camelCase = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The generator's Python, or why there is none. */
const python = await generatorPython('python3').catch((error: Error) => error);
const why = python instanceof Error ? `: SKIPPED, ${python.message}` : '';

it('the TypeScript client compiles, and asks the worker for each kind of body', async () => {
  const { screen, guard, getModel, v2ModelInfer } = typescript;
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

it('the TypeScript client has a function for each route that is no page, and each GET is answered as it is typed', async () => {
  expect(operations.length).toBeGreaterThan(15);
  for (const { operationId, method } of operations) {
    const call = typescript[operationId];
    expect([operationId, typeof call]).toEqual([operationId, 'function']);
    if (method !== 'get') continue;
    const { response, data, error } = await call({ auth: KEY, path: PARAMETERS });
    expect([operationId, response.status]).toEqual([operationId, statusOf(operationId)]);
    expect(data ?? error).toBeTypeOf('object');
  }
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
  const { gets, ...answers } = JSON.parse(stdout) as { gets: Record<string, number> };
  const wanted = operations.filter(({ method }) => method === 'get').map(({ operationId }) => [operationId, statusOf(operationId)]);
  expect(Object.fromEntries(Object.entries(gets).map(([name, status]) => [camelCase(name), status]))).toEqual(Object.fromEntries(wanted));
  expect(answers).toEqual({
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
