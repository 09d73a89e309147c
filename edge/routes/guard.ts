import type { Context } from 'hono';
import { z } from 'zod';
import { describedInferRequest, inferErrorSchema } from '../../shared/protocol/inference-protocol.ts';
import { type Config, PATH_SEGMENT } from '../config.ts';
import type { Env } from '../env.ts';
import { clientResponse } from '../guard/answer.ts';
import { guard } from '../guard/guard.ts';
import { askUpstream, modelOfUrl, modelUrl } from '../guard/upstream.ts';
import { bearerAuth } from '../middleware/bearer-auth.ts';
import { type App, json, problems, route } from '../openapi.ts';
import { ProblemError } from '../problem.ts';
import { BODY_PROBLEMS, imageBody, inferBody, inferHeaders } from './bodies.ts';

/** Describes the bodies of the guard: as /screen takes them, or inference requests. */
const guardedBody = {
  ...imageBody,
  description:
    `${imageBody.description} If the classifier takes inference requests (UPSTREAM_PROTOCOL=v2): only an inference request of ` +
    'the Open Inference Protocol v2 with one input, image or file.',
  content: {
    ...imageBody.content,
    'application/json': { schema: z.union([imageBody.content['application/json'].schema, describedInferRequest]) },
    'application/octet-stream': {
      schema: z.string().meta({
        format: 'binary',
        description:
          "the model's input, H x W x C little-endian float32 in [0, 1]; or an inference request whose binary tensors follow its JSON",
      }),
    },
  },
};

/** Adds `POST /guard`, which stands in front of the operator's own classifier. */
export function guardRoute(app: App): void {
  route(
    app,
    {
      ...{ method: 'post', path: '/guard', operationId: 'guard', tags: ['screening'] },
      summary: 'Screen, then ask the classifier',
      description:
        'Screens as /screen does, forwards accepted images to the classifier, re-encoded unless FORWARD=original, and streams its ' +
        'answer back with its own status below 500. Forwards the query parameters that the operator allows (FORWARD_QUERY).',
      security: [{}, { key: [] }],
      request: { headers: inferHeaders, body: guardedBody },
      responses: {
        ...problems(...BODY_PROBLEMS, 'rejected', 'not-forwarded', 'upstream-failed', 'upstream-timeout', 'not-found'),
        200: {
          description: "The classifier's answer.",
          headers: z.object({
            'Portcullis-Verdict': z.string().meta({ description: 'verdict of each image, separated by commas' }),
            'Portcullis-Label': z.string().optional().meta({ description: 'label of each image, percent-encoded, separated by commas' }),
            'Portcullis-Guard': z.string().optional().meta({ description: 'observe, if nothing is stopped' }),
          }),
          content: { '*/*': { schema: z.any() } },
        },
        '4XX': { description: 'Another answer of the classifier, with its own body.', content: { '*/*': { schema: z.any() } } },
      },
    },
    async (c, next) => {
      if (!c.get('config').UPSTREAM_URL)
        throw new ProblemError('not-found', 'No classifier is configured here (UPSTREAM_URL). Use POST /screen for verdicts.');
      await next();
    },
    bearerAuth('screen'),
    (c) => guard(c, inferUrl(c.get('config'))),
  );
}

/** Returns where bodies of /guard are forwarded: UPSTREAM_URL itself, or, if that is the root of a server, the model in UPSTREAM_MODEL. */
function inferUrl({ UPSTREAM_URL, UPSTREAM_PROTOCOL, UPSTREAM_MODEL }: Config): URL {
  const url = UPSTREAM_URL as string;
  const isRoot = UPSTREAM_PROTOCOL === 'v2' && UPSTREAM_MODEL !== undefined && modelOfUrl(url) === null;
  return isRoot ? modelUrl(url, UPSTREAM_MODEL, '/infer') : new URL(url);
}

const params = z.object({ model: z.string().meta({ description: "the classifier's name (UPSTREAM_MODEL)" }) });
const versioned = params.extend({ version: z.string().meta({ description: 'a version of the classifier' }) });

/**
 * Adds the classifier under its own name, if it takes inference requests (`UPSTREAM_PROTOCOL=v2`): its clients change only the host.
 * Inference requests go through the guard; readiness and metadata are the classifier's own.
 */
export function guardedModelRoutes(app: App): void {
  const failed = Object.fromEntries(
    [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504].map((status) => [status, json('The error.', inferErrorSchema)]),
  );
  const answers = { ...failed, 200: { description: "The classifier's answer.", content: { '*/*': { schema: z.any() } } } };
  const kinds = [
    ['/v2/models/{model}', params, ''],
    ['/v2/models/{model}/versions/{version}', versioned, 'Version'],
  ] as const;
  for (const [path, parameters, of] of kinds) {
    for (const [end, what, summary] of [
      ['', 'Metadata', "Get the classifier's metadata"],
      ['/ready', 'Readiness', 'Check that the classifier is ready'],
    ] as const)
      route(
        app,
        {
          ...{ method: 'get', path: `${path}${end}`, operationId: `v2GetClassifier${of}${what}`, tags: ['v2'], summary },
          ...{
            description: "The classifier's own answer.",
            security: [{}, { key: [] }],
            request: { params: parameters },
            responses: answers,
          },
        },
        bearerAuth('screen'),
        async (c) => clientResponse(await askUpstream(c, classifierUrl(c, end), null), {}, c.get('config')),
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
          body: inferBody,
        },
        responses: answers,
      },
      bearerAuth('screen'),
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
