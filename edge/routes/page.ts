import type { Context } from 'hono';
import { z } from 'zod';
import type { Page } from '../env.ts';
import { bearerAuth } from '../middleware/bearer-auth.ts';
import { modelOf } from '../model.ts';
import { type App, problems, route } from '../openapi.ts';
import { ProblemError } from '../problem.ts';

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
  wasm: 'application/wasm',
};
/** Names in which the build puts a hash of the content. */
const HASHED = /-[A-Z0-9]{8}\.js$/;
/** What the page opens of the bundle. */
const BUNDLE_FILES = ['screening.json', 'screen.onnx', 'weights.bin'] as const;

const typeOf = (name: string) => TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
const binary = { type: 'string', format: 'binary' } as const;
const file = (description: string) => ({ 200: { description, content: { 'application/octet-stream': { schema: binary } } } });

/** Adds the page at `/`, its files, and the bundle's files for it, which need the right to screen. */
export function pageRoutes(app: App, { version, files, bundleFile }: Page): void {
  route(
    app,
    {
      ...{ method: 'get', path: '/', operationId: 'getPlayground', tags: ['pages'] },
      summary: 'Get a page to try the worker',
      description: 'Draw, drop or attack an image and see the verdict with its reasons. Only in a worker that was built with the page.',
      responses: { 200: { description: 'The page.', content: { 'text/html': { schema: z.string() } } } },
    },
    (c) => answer(c, 'index.html', files['index.html'] as ArrayBuffer, version, 'no-cache'),
  );
  route(
    app,
    {
      ...{ method: 'get', path: '/page/{file}', operationId: 'getPageFile', tags: ['pages'] },
      summary: 'Get a file of the page',
      description: 'Its scripts, style, samples and WebAssembly.',
      request: { params: z.object({ file: z.string() }) },
      responses: { ...problems('not-found'), ...file('The file.') },
    },
    (c) => {
      const name = c.req.param('file') ?? '';
      const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
      if (!bytes) throw new ProblemError('not-found', `The page has no file ${name}. There are: ${Object.keys(files).join(', ')}.`);
      return answer(c, name, bytes, version, HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  );
  route(
    app,
    {
      ...{ method: 'get', path: '/page/bundle/{file}', operationId: 'getBundleFile', tags: ['pages'] },
      summary: 'Get a file of the bundle',
      description: 'The page verifies it and runs the model itself.',
      security: [{}, { key: [] }],
      request: { params: z.object({ file: z.enum(BUNDLE_FILES) }) },
      responses: { ...problems('not-found', 'model-unavailable'), ...file('The file.') },
    },
    bearerAuth('screen'),
    async (c) => {
      const name = BUNDLE_FILES.find((one) => one === c.req.param('file'));
      if (!name) throw new ProblemError('not-found', `The bundle has no such file for the page. There are: ${BUNDLE_FILES.join(', ')}.`);
      const { screening } = await modelOf(c);
      return answer(c, name, bundleFile(name) as Uint8Array<ArrayBuffer>, screening.checksum, 'private, no-cache');
    },
  );
}

/** Answers a file, or that the one that the browser has is still the same. @param version of what the file belongs to */
function answer(c: Context, name: string, bytes: ArrayBuffer | Uint8Array<ArrayBuffer>, version: string, caching: string): Response {
  const headers = { etag: `"${version}"`, 'cache-control': caching };
  // A server that compresses makes the tag a weak one.
  if (c.req.header('if-none-match')?.replace(/^W\//, '') === headers.etag) return c.body(null, 304, headers);
  return c.body(bytes, 200, { ...headers, 'content-type': typeOf(name) });
}
