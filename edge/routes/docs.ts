import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import docsPage from '../docs/page.html';
import type { App } from '../openapi.ts';
import { route } from '../openapi.ts';
import playground from '../playground/page.html';

const html = (description: string) => ({ 200: { description, content: { 'text/html': { schema: z.string() } } } });

/** The pages, and the description of all routes that was made from what checks them. */
export function docsRoutes(app: App): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  route(app, { method: 'get', path: '/', summary: 'A page to try it on', responses: html('The page.') }, (c) => c.html(playground));
  route(app, { method: 'get', path: '/docs', summary: 'This API on a page', responses: html('The page.') }, (c) => c.html(docsPage));
  let document: object | undefined;
  route(
    app,
    {
      method: 'get',
      path: '/openapi.json',
      summary: 'This API as OpenAPI 3.1',
      responses: { 200: { description: 'The document.', content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } } } },
    },
    (c) => {
      document ??= app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'Portcullis',
          version: packageJson.version,
          license: { name: 'MIT' },
          description: 'Screens images: accepted (and as which class), rejected or reclassified.',
        },
      });
      return c.json(document);
    },
  );
}
