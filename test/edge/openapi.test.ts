import { expect, it } from 'vitest';
import { TAGS } from '../../edge/openapi.ts';
import { app } from './real-model.ts';

interface Operation {
  operationId?: string;
  tags?: string[];
  summary?: string;
  description?: string;
  security?: Record<string, string[]>[];
  requestBody?: { content: Record<string, { schema: object }> };
}
interface OpenApi {
  openapi: string;
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  components: { schemas: Record<string, object> };
  paths: Record<string, Record<string, Operation>>;
}

const document: OpenApi = await (await app.request('/openapi.json', {}, { LOG_REQUESTS: 'off' })).json();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);

it('names a server and describes each tag', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.servers.map(({ url }) => url)).toEqual(['/']);
  expect(document.tags.map(({ name }) => name)).toEqual(Object.keys(TAGS));
  for (const { description } of document.tags) expect(description).not.toBe('');
});

it('has an id of its own for each operation, as a name in a program may be', () => {
  const ids = operations.map(({ operationId }) => operationId);
  expect(ids.length).toBeGreaterThan(15);
  for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z0-9]+$/);
  expect(new Set(ids).size).toBe(ids.length);
});

it.each(operations)(
  '$method $path says what it does, in a group, and whether it needs a key',
  ({ tags, summary, description, security }) => {
    expect(tags).toEqual([expect.toSatisfy((tag: string) => tag in TAGS)]);
    expect([summary, description]).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
    expect(Array.isArray(security)).toBe(true);
  },
);

/** Generated clients have a type for each of these names, and no name for a schema that is written in place. */
it('names the schemas of verdicts and of requests', () => {
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining([
      'Accepted',
      'Rejected',
      'Reclassified',
      'Batch',
      'BatchRequest',
      'Problem',
      'InferenceRequest',
      'InferenceResponse',
    ]),
  );
});

it('says of each body what it is: a body that may be anything can not be sent by the Python client', () => {
  const bodies = operations.flatMap(({ operationId, requestBody }) =>
    Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => ({ operationId, type, schema })),
  );
  expect(bodies.length).toBeGreaterThan(10);
  for (const body of bodies)
    expect(body).toEqual({
      ...body,
      schema: expect.toSatisfy((schema: object) => 'type' in schema || '$ref' in schema || 'anyOf' in schema),
    });
});
