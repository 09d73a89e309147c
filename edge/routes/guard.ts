import { z } from 'zod';
import { describedInferRequest } from '../../shared/inference-protocol.ts';
import { enforce, observe } from '../guard/guard.ts';
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
        'Screens as /screen does, passes the body on to the classifier where every image was accepted, and streams its answer back with its ' +
        'own status below 500. Other query parameters are passed on.',
      security: [{}, { key: [] }],
      request: { headers: inferHeaders, body: guardedBody },
      responses: {
        ...problems(...BODY_PROBLEMS, 'rejected', 'upstream-failed', 'upstream-timeout', 'not-found'),
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
    (c) => (c.get('config').GUARD === 'observe' ? observe(c) : enforce(c)),
  );
}
