import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { FORMATS } from '../../shared/images/formats.ts';
import type { App } from '../openapi.ts';
import { json, route, TAGS } from '../openapi.ts';
import docsPage from '../pages/docs.html';
import playground from '../pages/playground.html';

/** The media types of the images that can be chosen. */
const IMAGE_TYPES = FORMATS.map(({ mediaTypes: [type] }) => type).join();

const html = (description: string) => ({ 200: { description, content: { 'text/html': { schema: z.string() } } } });

/** Adds the pages, and the description of all routes, made from the schemas that check them. */
export function docsRoutes(app: App): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  const page = (path: string, operationId: string, summary: string, description: string, text: string) =>
    route(app, { method: 'get', path, operationId, tags: ['pages'], summary, description, responses: html('The page.') }, (c) =>
      c.html(text),
    );
  page(
    '/',
    'getPlayground',
    'Get a page to try the worker',
    'Draw or drop an image and see the verdict.',
    playground.replace('IMAGE_TYPES', IMAGE_TYPES),
  );
  page('/docs', 'getDocs', 'Get this API as a page', 'Shows this description; loads nothing from elsewhere.', docsPage);
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
