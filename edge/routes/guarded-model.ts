import type { Context } from 'hono';
import { z } from 'zod';
import { describedInferRequest } from '../../shared/protocol/inference-protocol.ts';
import type { Env } from '../env.ts';
import { passedBack } from '../guard/answer.ts';
import { askUpstream } from '../guard/upstream.ts';
import { modelOfUrl, modelUrl, PATH_SEGMENT } from '../guard/upstream-url.ts';
import { type App, route } from '../openapi.ts';
import { ProblemError } from '../problem.ts';
import { protect } from '../protect.ts';
import { inferHeaders } from './bodies.ts';
import { guard } from './guard.ts';

const errorSchema = z.object({ error: z.string() });
const params = z.object({ model: z.string().meta({ description: "the classifier's name (UPSTREAM_MODEL)" }) });
const versioned = params.extend({ version: z.string().meta({ description: 'a version of the classifier' }) });

/**
 * Adds the classifier under its own name, if it takes inference requests (`UPSTREAM_PROTOCOL=v2`): its clients change only the host. Inference requests
 * go through the guard; readiness and metadata are the classifier's own.
 */
export function guardedModelRoutes(app: App): void {
  const failed = Object.fromEntries(
    [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504].map((status) => [
      status,
      { description: 'The error.', content: { 'application/json': { schema: errorSchema } } },
    ]),
  );
  const answers = { ...failed, 200: { description: "The classifier's answer.", content: { '*/*': { schema: z.any() } } } };
  const kinds = [
    ['/v2/models/{model}', params, ''],
    ['/v2/models/{model}/versions/{version}', versioned, 'Version'],
  ] as const;
  for (const [path, parameters, of] of kinds) {
    for (const [end, what, summary] of [
      ['', 'Metadata', "The classifier's metadata"],
      ['/ready', 'Readiness', 'Whether the classifier is ready'],
    ] as const)
      route(
        app,
        {
          ...{ method: 'get', path: `${path}${end}`, operationId: `v2GetClassifier${of}${what}`, tags: ['v2'], summary },
          ...{
            description: `${summary}, in its own words.`,
            security: [{}, { key: [] }],
            request: { params: parameters },
            responses: answers,
          },
        },
        protect('screen'),
        async (c) => passedBack(await askUpstream(c, classifierUrl(c, end), null), {}, c.get('config')),
      );
    route(
      app,
      {
        ...{ method: 'post', path: `${path}/infer`, operationId: `v2InferClassifier${of}`, tags: ['v2'] },
        summary: 'Screen, then ask the classifier',
        description: 'An inference request for the classifier, through the guard.',
        security: [{}, { key: [] }],
        request: {
          params: parameters,
          headers: inferHeaders,
          body: {
            required: true,
            content: { 'application/json': { schema: describedInferRequest }, 'application/octet-stream': { schema: z.any() } },
          },
        },
        responses: answers,
      },
      protect('screen'),
      (c) => guard(c, classifierUrl(c, '/infer')),
    );
  }
}

/** Returns the classifier's URL. @throws ProblemError `not-found` if the request names another model */
function classifierUrl(c: Context<Env>, end: string): URL {
  const { UPSTREAM_URL, UPSTREAM_PROTOCOL, UPSTREAM_MODEL } = c.get('config');
  const name = UPSTREAM_URL && UPSTREAM_PROTOCOL === 'v2' ? (UPSTREAM_MODEL ?? modelOfUrl(UPSTREAM_URL)) : null;
  const { model = '', version } = c.req.param() as { model?: string; version?: string };
  if (UPSTREAM_URL === undefined || name === null || model !== name)
    throw new ProblemError(
      'not-found',
      `There is no model ${model.slice(0, 100)}. Ask for screen${name === null ? '' : `, or for ${name} behind the guard`}.`,
    );
  if (version !== undefined && !PATH_SEGMENT.test(version))
    throw new ProblemError('not-found', 'There is no such version. A version consists of 1 to 128 letters, digits, _, . and -.');
  return modelUrl(UPSTREAM_URL, name, end, version);
}
