import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import type { App } from '../openapi.ts';
import { json, route, TAGS } from '../openapi.ts';
import docsPage from '../pages/docs.html';

/** Adds the page of the API, and the description of all routes, made from the schemas that check them. */
export function docsRoutes(app: App): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  route(
    app,
    {
      ...{ method: 'get', path: '/docs', operationId: 'getDocs', tags: ['pages'] },
      summary: 'Get this API as a page',
      description: 'Shows this description; loads nothing from elsewhere.',
      responses: { 200: { description: 'The page.', content: { 'text/html': { schema: z.string() } } } },
    },
    (c) => c.html(docsPage),
  );
  let document: object | undefined;
  route(
    app,
    {
      ...{ method: 'get', path: '/openapi.json', operationId: 'getOpenApi', tags: ['pages'] },
      summary: 'Get this API as OpenAPI 3.1',
      description: 'Made from the schemas that the worker checks with.',
      responses: { 200: json('The document.', z.record(z.string(), z.unknown())) },
    },
    (c) => {
      document ??= app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'Portcullis',
          version: packageJson.version,
          license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
          contact: { name: 'The operator of this worker' },
          description: 'Screens images: accepted (and as which class), rejected or reclassified.',
        },
        servers: [{ url: '/', description: 'The worker that answered this.' }],
        tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      });
      return c.json(document);
    },
  );
}
