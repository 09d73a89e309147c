import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../edge/app.ts';
import fitnessText from '../../edge/generated/fitness.json.txt';
import digit7 from '../samples/digit-7-a.png';
import { keyEntry, model, noise } from './real-model.ts';

type Content = Record<string, { schema: { type?: string; format?: string } }>;
interface Operation {
  operationId: string;
  security: object[];
  responses: Record<string, { content?: Content }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** The worker with the page, before a classifier that takes whatever it gets. */
const app = createApp({
  model: async () => model,
  fitness: JSON.parse(fitnessText),
  page: { version: '1', files: { 'index.html': new ArrayBuffer(1), 'main.js': new ArrayBuffer(1) }, bundleFile: () => new Uint8Array(1) },
  fetcher: async () => Response.json({ class: '7' }),
});
const KEYS = await keyEntry('all', 'explain+admin', 'secret');
const UPSTREAM = { UPSTREAM_PROTOCOL: 'v2', UPSTREAM_TENSORS: 'json', GUARD_TENSORS: 'on' };
const UPSTREAM_URL = 'http://classifier.test/v2/models/classifier/infer';
const ask = (path: string, init: RequestInit, env: object = {}) =>
  app.request(path, init, { LOG_REQUESTS: 'off', LOG_DECISIONS: 'off', KEYS, UPSTREAM_URL, ...env });
const withKey = { authorization: 'Bearer secret' };

const document = (await (await ask('/openapi.json', {})).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);

/** Reads a schema of the description, whose parts are in the document. */
const schemaOf = (schema: object) => {
  const $defs = document.components.schemas;
  return z.fromJSONSchema(JSON.parse(JSON.stringify({ ...schema, $defs }).replaceAll('#/components/schemas/', '#/$defs/')));
};

/** Checks that an answer is one of those that its operation describes. */
async function expectDescribed({ operationId, responses }: Operation, answer: Response): Promise<void> {
  const described = responses[answer.status] ?? responses[`${Math.floor(answer.status / 100)}XX`];
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  const text = await answer.text();
  expect([operationId, answer.status, described ? 'described' : text]).toEqual([operationId, answer.status, 'described']);
  const content = described?.content ?? {};
  const { schema } = content[type] ?? content['*/*'] ?? Object.values(content).find(({ schema }) => schema.format === 'binary') ?? {};
  expect([operationId, answer.status, type, schema ? 'described' : Object.keys(content)]).toEqual([
    ...[operationId, answer.status, type, 'described'],
  ]);
  if (!type.endsWith('json') || !schema) return;
  expect([operationId, schemaOf(schema).safeParse(JSON.parse(text)).error?.message]).toEqual([operationId, undefined]);
}

// The log of what is asked wrong here.
beforeAll(() => void vi.spyOn(console, 'error').mockReturnValue());
afterAll(() => void vi.restoreAllMocks());

const file = { 'content-type': 'image/png' };
const json = { 'content-type': 'application/json' };
const inferOf = (values: readonly number[], shape = [1, 28, 28, 1]) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape, data: values }] });
const digit = btoa(String.fromCharCode(...new Uint8Array(digit7)));
const images = JSON.stringify({ images: [{ image: digit }, { image: 'AAAA' }] });
const files: [Record<string, string>, BodyInit][] = [
  [file, digit7],
  [file, 'no image'],
  [json, images],
  [json, '{"images":'],
  [file, ''],
  [{ 'content-type': 'text/plain' }, 'a'],
];
const inferences: [Record<string, string>, BodyInit][] = [
  [json, inferOf([...noise])],
  [json, inferOf([1], [1, 1, 1, 1])],
  [json, JSON.stringify({ inputs: [{ name: 'file', datatype: 'BYTES', shape: [1], data: [digit] }] })],
  [json, '{'],
  [{ 'content-type': 'text/plain' }, 'a'],
];

/** The values of the parameters in a path, of which the last leads nowhere. */
const VALUES: Record<string, string[]> = {
  '/page/{file}': ['main.js', 'none'],
  '/page/bundle/{file}': ['weights.bin', 'none'],
  '/v2/models/screen/versions/{version}': ['1', model.screening.id, '7'],
  '/v2/models/{model}/versions/{version}': ['classifier/versions/2', 'none/versions/2'],
  '/v2/models/{model}': ['classifier', 'none'],
};

function pathsOf(path: string): string[] {
  const [pattern, values] = Object.entries(VALUES).find(([start]) => path.startsWith(start)) ?? [];
  if (!pattern || !values) return [path];
  return values.map((value) => path.replace(/\{.*\}/, value));
}

it('describes every route of the worker, with the page, and nothing else', () => {
  const inHono = new Set(app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`));
  const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
  expect(described.sort()).toEqual([...inHono].sort());
  expect(schemaOf({ $ref: '#/components/schemas/Accepted' }).safeParse({ verdict: 'accepted' }).success).toBe(false);
});

it.each(operations)('$method $path answers as it is described, with and without a key, right and wrong', async (operation) => {
  const { method, path } = operation;
  const bodies = method === 'post' ? [...files, ...inferences] : [[{}, undefined] as const];
  const right = [{}, UPSTREAM].flatMap((env) => bodies.map((body) => ({ env, body, key: withKey })));
  const wrong = [{}, { UPSTREAM_URL: undefined }, { KEYS: 'broken' }].map((env) => ({ env, body: bodies[0], key: {} }));
  const seen = new Set<number>();
  for (const url of pathsOf(path))
    for (const { env, body: [headers, body] = [{}], key } of [...right, ...wrong]) {
      const answer = await ask(url, { method, headers: { ...headers, ...key }, ...(body === undefined ? {} : { body }) }, env);
      seen.add(answer.status);
      await expectDescribed(operation, answer);
    }
  expect([operation.operationId, seen.has(200)]).toEqual([operation.operationId, true]);
});
