import { z } from 'zod';
import { shownConfig } from '../config.ts';
import { bearerAuth } from '../middleware/bearer-auth.ts';
import { modelOf, readyModelOf } from '../model.ts';
import { type App, json, problems, route } from '../openapi.ts';

const stateSchema = (state: 'live' | 'ready') => z.object({ status: z.literal(state) });

const statusSchema = z
  .object({
    model: z.string().nullable(),
    problem: z.string().nullable(),
    fallback: z.object({ breaker: z.enum(['closed', 'open', 'half-open']), free: z.number(), retryTokens: z.number() }),
    config: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Status' });

/** Adds the health checks and the operator's view of the worker. */
export function healthRoutes(app: App): void {
  const tags: ['operation'] = ['operation'];
  route(
    app,
    {
      ...{ method: 'get', path: '/health/live', operationId: 'getLiveness', tags },
      summary: 'Check that the worker runs',
      description: 'Answers whatever the state of the variables and the model.',
      responses: { 200: json('It does.', stateSchema('live')) },
    },
    (c) => c.json({ status: 'live' }),
  );
  route(
    app,
    {
      ...{ method: 'get', path: '/health/ready', operationId: 'getReadiness', tags },
      summary: 'Check that the worker screens correctly',
      description: "Compares the result for the bundle's golden image with the one at its export; runs it at most once in 10 seconds.",
      responses: { ...problems('model-unavailable'), 200: json('It does.', stateSchema('ready')) },
    },
    async (c) => {
      await readyModelOf(c);
      return c.json({ status: 'ready' });
    },
  );
  route(
    app,
    {
      ...{ method: 'get', path: '/status', operationId: 'getStatus', tags },
      summary: 'Get the state of this isolate',
      description: 'For operators. Each isolate has its own view.',
      security: [{ key: [] }],
      responses: {
        200: json(
          'Its model, its view of the fallback (each isolate has its own), its configuration without secrets. Needs the scope admin.',
          statusSchema,
        ),
      },
    },
    bearerAuth('admin'),
    async (c) => {
      const config = c.get('config');
      const model = await modelOf(c).catch((error: unknown) => error as Error);
      const failed = model instanceof Error;
      return c.json({
        model: failed ? null : model.screening.id,
        problem: failed ? model.message : null,
        fallback: c.get('resilience')(config).state(),
        config: shownConfig(config),
      });
    },
  );
}
