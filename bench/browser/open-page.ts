import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../../node/project-folder.ts';
import { startChromium } from './chromium.ts';
import type { Answered, Asked } from './page.ts';

/** As strict as the runtimes allow: nothing from another origin, no eval but for WebAssembly. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** ONNX Runtime's files lie beside what its package exports. */
const ONNXRUNTIME = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'));

const TYPES: Record<string, string> = { js: 'text/javascript', json: 'application/json', wasm: 'application/wasm', html: 'text/html' };

/** A page in a browser that screens with the library. */
export interface ScreeningPage {
  /** @throws Error with the page's own, where it can't screen */
  screen(asked: Asked): Promise<Answered>;
  /** Addresses that the page asked for and did not get, or that are not of its origin. */
  readonly failures: readonly string[];
  /** The browser's version. */
  readonly version: string;
  close(): Promise<void>;
}

/**
 * Opens a page that has the library, bundled, in an installed Chromium; every file comes from the page's own origin.
 *
 * @param images values of images by the name of their model, [n, H, W, C] flat in [0, 1]
 * @param webgpu gives the page WebGPU, by software
 */
export async function openScreeningPage(images: Readonly<Record<string, Float32Array>>, webgpu: boolean): Promise<ScreeningPage> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    ...{ bundle: true, format: 'esm', splitting: true, platform: 'browser', write: false, outdir: '/', logLevel: 'error' },
  });
  const scripts = new Map(outputFiles.map(({ path, contents }) => [path.slice(1), contents]));
  const fileAt = async (path: string): Promise<Uint8Array | string | undefined> => {
    const [folder = '', ...rest] = path.split('/').map(decodeURIComponent);
    if (path === '') return '<!doctype html><script type="module" src="/page.js"></script>';
    if (path === 'kernels.wasm') return readFile(join(ROOT, 'shared/kernels/screening.wasm'));
    if (folder === 'models') return readFile(join(ROOT, path));
    if (folder === 'onnxruntime') return readFile(join(ONNXRUNTIME, rest.join('/')));
    const values = folder === 'images' ? images[rest[0] ?? ''] : undefined;
    return values ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength) : scripts.get(path);
  };
  const failures: string[] = [];
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '/').slice(1);
    const content = await fileAt(path).catch(() => undefined);
    if (content === undefined) failures.push(`${request.url}: 404`);
    const type = path === '' ? 'html' : (path.split('.').at(-1) ?? '');
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': TYPES[type] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    });
    response.end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await startChromium(webgpu);
  const page = await browser.newPage();
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) failures.push(request.url());
  });
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) failures.push(message.text());
  });
  await page.goto(origin);
  await page.waitForFunction(() => 'screenImages' in globalThis);
  return {
    failures,
    version: browser.version(),
    screen: (asked) => page.evaluate((given) => globalThis.screenImages(given), asked),
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}
