import type { Context } from 'hono';
import { z } from 'zod';
import { describedInferRequest } from '../../shared/protocol/inference-protocol.ts';
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
  description: `${imageBody.description} If the classifier takes inference requests (UPSTREAM_PROTOCOL=v2): only an inference request of the Open Inference Protocol v2 with one input, image or file.`,
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
      summary: 'Screen, then ask the classifier',
      description:
        'Screens as /screen does, forwards accepted images to the classifier, re-encoded unless FORWARD=original, and streams its answer back ' +
        'with its own status below 500. Forwards the query parameters that the operator allows (FORWARD_QUERY).',
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
    protect('screen'),
    (c) => guard(c, inferUrl(c.get('config'))),
  );
}

export const guard = (c: Context<Env>, url: URL): Promise<Response> =>
  c.get('config').GUARD === 'observe' ? observe(c, url) : enforce(c, url);

/** Returns where bodies of /guard are forwarded: UPSTREAM_URL itself, or, if that is the root of a server, the model in UPSTREAM_MODEL. */
function inferUrl({ UPSTREAM_URL, UPSTREAM_PROTOCOL, UPSTREAM_MODEL }: Config): URL {
  const url = UPSTREAM_URL as string;
  const isRoot = UPSTREAM_PROTOCOL === 'v2' && UPSTREAM_MODEL !== undefined && modelOfUrl(url) === null;
  return isRoot ? modelUrl(url, UPSTREAM_MODEL, '/infer') : new URL(url);
}
