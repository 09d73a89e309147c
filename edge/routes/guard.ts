import type { Context } from 'hono';
import { z } from 'zod';
import { describedInferRequest } from '../../shared/inference-protocol.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { enforce, observe } from '../guard/guard.ts';
import { modelOfUrl, modelUrl } from '../guard/upstream-url.ts';
import { type App, problems, route } from '../openapi.ts';
import { ProblemError } from '../problem.ts';
import { protect } from '../protect.ts';
import { BODY_PROBLEMS, imageBody, inferHeaders } from './bodies.ts';

/** As /screen takes them, or inference requests. */
const guardedBody = {
  ...imageBody,
  description: `${imageBody.description} Where the classifier takes inference requests (UPSTREAM_PROTOCOL=v2): one of the Open Inference Protocol v2 with one input, image or file, and only that.`,
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

/** `POST /guard`: in front of the operator's own classifier. */
export function guardRoute(app: App): void {
  route(
    app,
    {
      method: 'post',
      path: '/guard',
      operationId: 'guard',
      tags: ['screening'],
      summary: 'Screen, then ask the classifier behind',
      description:
        'Screens as /screen does, hands what was accepted on to the classifier, made anew (FORWARD), and streams its answer back with its own ' +
        'status below 500. Query parameters are handed on as the operator allows (FORWARD_QUERY).',
      security: [{}, { key: [] }],
      request: { headers: inferHeaders, body: guardedBody },
      responses: {
        ...problems(...BODY_PROBLEMS, 'rejected', 'not-forwarded', 'upstream-failed', 'upstream-timeout', 'not-found'),
        200: {
          description: "The classifier's answer.",
          headers: z.object({
            'Portcullis-Verdict': z.string().meta({ description: 'of each image, with commas between' }),
            'Portcullis-Label': z.string().optional().meta({ description: 'of each image, percent-encoded, with commas between' }),
            'Portcullis-Guard': z.string().optional().meta({ description: 'observe, where nothing is stopped' }),
          }),
          content: { '*/*': { schema: z.any() } },
        },
        '4XX': { description: "Another answer of the classifier's, with its own body.", content: { '*/*': { schema: z.any() } } },
      },
    },
    async (c, next) => {
      if (!c.get('config').UPSTREAM_URL)
        throw new ProblemError('not-found', 'No classifier is configured here (UPSTREAM_URL). POST /screen answers verdicts.');
      await next();
    },
    protect('screen'),
    (c) => guard(c, inferUrl(c.get('config'))),
  );
}

export const guard = (c: Context<Env>, url: URL): Promise<Response> =>
  c.get('config').GUARD === 'observe' ? observe(c, url) : enforce(c, url);

/** Where bodies of /guard go: UPSTREAM_URL itself, or, where that is the root of a server, the model of UPSTREAM_MODEL. */
function inferUrl({ UPSTREAM_URL, UPSTREAM_PROTOCOL, UPSTREAM_MODEL }: Config): URL {
  const url = UPSTREAM_URL as string;
  const isRoot = UPSTREAM_PROTOCOL === 'v2' && UPSTREAM_MODEL !== undefined && modelOfUrl(url) === null;
  return isRoot ? modelUrl(url, UPSTREAM_MODEL, '/infer') : new URL(url);
}
