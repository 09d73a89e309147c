import { z } from 'zod';
import { batchSchema, verdictSchema } from '../../shared/protocol/screen-messages.ts';
import { mediaTypeOf, readImages, tensorsOf } from '../decode/read-images.ts';
import { modelOf } from '../env.ts';
import { escalationOf } from '../escalation/of-request.ts';
import { type App, checkQuery, explainQuery, problems, route } from '../openapi.ts';
import { isExplained, protect } from '../protect.ts';
import { readBody } from '../read-body.ts';
import { record } from '../record.ts';
import { screenImages, told } from '../screen.ts';
import { BODY_PROBLEMS, imageBody } from './bodies.ts';

/** `POST /screen`: the verdict on each image. */
export function screenRoute(app: App): void {
  route(
    app,
    {
      method: 'post',
      path: '/screen',
      operationId: 'screen',
      tags: ['screening'],
      summary: 'Screen images',
      description: 'Answers for each image whether it is accepted, and as which class, rejected or reclassified.',
      security: [{}, { key: [] }],
      request: { query: explainQuery, body: imageBody },
      responses: {
        ...problems(...BODY_PROBLEMS),
        200: {
          description: 'The verdict; of a batch one each, in the order sent, an image that could not be read with its problem.',
          content: { 'application/json': { schema: z.union([verdictSchema, batchSchema]) } },
        },
      },
    },
    protect('screen'),
    async (c) => {
      checkQuery(c.req.query());
      const [config, request] = [c.get('config'), c.get('requestId')];
      const contentType = c.req.header('content-type') ?? '';
      mediaTypeOf(contentType);
      const model = await modelOf(c);
      const { form, images } = await readImages(contentType, await readBody(c.req.raw, config), model.screening, config);
      const options = { explain: isExplained(c), request, reclassify: escalationOf(c, model) };
      const screened = await screenImages(tensorsOf(images), model, config, options);
      record(c, 'screen', model.screening.id, screened);
      const answers = screened.map((one) => told(one, request));
      return form !== 'file' ? c.json({ results: answers }) : c.json(answers[0]);
    },
  );
}
