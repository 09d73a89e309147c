import { z } from 'zod';
import { batchSchema, verdictSchema } from '../../shared/protocol/screen-messages.ts';
import { mediaTypeOf, readImages } from '../decode/read-images.ts';
import { bearerAuth, isExplained } from '../middleware/bearer-auth.ts';
import { readBody } from '../middleware/body-limit.ts';
import { type App, checkQuery, explainQuery, json, problems, route } from '../openapi.ts';
import { answerOf } from '../pipeline/decide.ts';
import { runPipeline } from '../pipeline/pipeline.ts';
import { BODY_PROBLEMS, imageBody } from './bodies.ts';

/** Adds `POST /screen`, which returns the verdict on each image. */
export function screenRoute(app: App): void {
  route(
    app,
    {
      ...{ method: 'post', path: '/screen', operationId: 'screen', tags: ['screening'] },
      summary: 'Screen images',
      description: 'Answers for each image whether it is accepted, and as which class, rejected or reclassified.',
      security: [{}, { key: [] }],
      request: { query: explainQuery, body: imageBody },
      responses: {
        ...problems(...BODY_PROBLEMS),
        200: json(
          'The verdict; for a batch one each, in the order sent, with its problem for an image that could not be read.',
          z.union([verdictSchema, batchSchema]),
        ),
      },
    },
    bearerAuth('screen'),
    async (c) => {
      checkQuery(c.req.query());
      const [config, request] = [c.get('config'), c.get('requestId')];
      const contentType = c.req.header('content-type') ?? '';
      mediaTypeOf(contentType);
      const { given, judged } = await runPipeline(c, {
        route: 'screen',
        body: () => readBody(c.req.raw, config),
        read: (body, screening) => readImages(contentType, body, screening, config),
        explain: isExplained(c),
      });
      const answers = judged.map((one) => answerOf(one, request));
      return given.form === 'file' ? c.json(answers[0]) : c.json({ results: answers });
    },
  );
}
