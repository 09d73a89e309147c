import { z } from 'zod';
import { fitnessSchema } from '../../shared/bundle/fitness-schema.ts';
import { screeningSchema } from '../../shared/bundle/screening-schema.ts';
import { bearerAuth } from '../middleware/bearer-auth.ts';
import { modelOf } from '../model.ts';
import { type App, json, problems, route } from '../openapi.ts';

const { id, name, classes, input, preprocess, trial, forced, calibration, thresholds, guarantee, evidence } = screeningSchema.shape;
/** Its own schema refers to itself, which the description can't. */
const provenance = z.record(z.string(), z.unknown());
const modelSchema = z
  .object({ id, name, classes, input, preprocess, fitness: fitnessSchema.optional(), trial, forced })
  .meta({ id: 'Model' });
const evidenceSchema = z.object({ id, calibration, thresholds, guarantee, evidence, provenance }).meta({ id: 'Evidence' });

/** Adds the routes that describe the model. No route reveals anything about a graph. */
export function modelRoutes(app: App): void {
  route(
    app,
    {
      ...{ method: 'get', path: '/model', operationId: 'getModel', tags: ['model'] },
      summary: 'Get the model',
      description: 'The deployed bundle and the input that it takes. A key with the scope explain is also told how fit it is to deploy.',
      security: [{}, { key: [] }],
      responses: {
        ...problems('model-unavailable'),
        200: json('Its id, classes and input, and with the scope explain the verdict on its fitness.', modelSchema),
      },
    },
    bearerAuth(null),
    async (c) => {
      const { id, name, classes, input, preprocess, trial, forced } = (await modelOf(c)).screening;
      const { fitness } = c.get('services');
      const verdict = c.get('caller').scopes.includes('explain') ? { fitness, trial, forced } : {};
      return c.json({ id, name, classes, input, preprocess, ...verdict });
    },
  );
  route(
    app,
    {
      ...{ method: 'get', path: '/model/evidence', operationId: 'getEvidence', tags: ['model'] },
      summary: 'Get the calibration of the model and its measured reliability',
      description: 'Its measured reliability, and how it was measured.',
      security: [{ key: [] }],
      responses: {
        ...problems('model-unavailable'),
        200: json(
          'Calibration, thresholds, the guarantee of strict mode, evidence and provenance. Needs the scope explain.',
          evidenceSchema,
        ),
      },
    },
    bearerAuth('explain'),
    async (c) => {
      const { id, calibration, thresholds, guarantee, evidence, provenance } = (await modelOf(c)).screening;
      return c.json({ id, calibration, thresholds, guarantee, evidence, provenance });
    },
  );
}
