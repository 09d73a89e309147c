import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { screening } from '../../library/hono.ts';
import { bundleOf, createScreener, fetchBundle, onnxruntimeNode, openBundle, UsageError } from '../../library/node.ts';
import { onnxruntimeWeb } from '../../library/runtimes/onnxruntime-web.ts';
import { createApp } from '../../library/worker.ts';

const MNIST = 'models/mnist';
const seven = await readFile('test/samples/digit-7-a.png');
/** What a program in JavaScript may give. */
const odd = (value: unknown) => value as never;
const opened = () => openBundle(MNIST);
const withLimits = (limits: object) => createScreener(opened(), { limits: odd(limits) });

describe('what is no right argument is refused before anything is screened', () => {
  it.each<[string, () => unknown, string]>([
    ['no folder', () => openBundle(odd(undefined)), 'The folder of a bundle is needed, as a path or a file: URL; this is undefined.'],
    ['an empty folder name', () => openBundle(''), 'this is "".'],
    ['an address as a folder', () => openBundle(new URL('https://example.com/')), 'this is an object of the class URL.'],
    ['no address', () => fetchBundle('models/mnist'), 'The address of a bundle is "models/mnist"; a whole one is needed here'],
    ['no files', () => bundleOf(odd(null)), 'The files of a bundle are needed; this is null.'],
    ['a folder as a bundle', () => createScreener(odd(MNIST)), 'A bundle is needed, as openBundle, fetchBundle'],
    ['no bundle for the app', () => createApp(odd({})), 'this is undefined. Open the bundle first.'],
    ['a name as runtime', () => createScreener(opened(), { runtime: odd('webgpu') }), 'A runtime is an object'],
    ['a runtime that was not made', () => createApp({ bundle: opened(), runtime: odd(onnxruntimeNode) }), 'this is a function.'],
    [
      'a provider of another runtime',
      () => onnxruntimeNode({ provider: odd('wasm') }),
      'provider is "wasm"; allowed are cpu, cuda, webgpu.',
    ],
    ['an unknown provider in a browser', () => onnxruntimeWeb({ provider: odd('cpu') }), 'provider is "cpu"; allowed are wasm, webgpu.'],
    ['a limit of another name', () => withLimits({ maxPixel: 1 }), 'A name in limits is "maxPixel"; allowed are maxBytes, maxPixels'],
    ['a limit that limits nothing', () => withLimits({ maxPixels: Number.NaN }), 'limits.maxPixels is NaN; a number above 0 is allowed.'],
    ['a limit as a text', () => withLimits({ maxSide: '28' }), 'limits.maxSide is "28"'],
    [
      'a mode that would not enforce',
      () => screening({ bundle: opened(), mode: odd('Enforce') }),
      'mode is "Enforce"; allowed are enforce, observe',
    ],
    ['a variable that is no limit', () => screening({ bundle: opened(), limits: { MAX_IMAGE: 1 } }), 'A name in limits is "MAX_IMAGE"'],
  ])('%s', async (_, call, message) => {
    const thrown = await (async () => call())().then(
      () => null,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(UsageError);
    expect((thrown as UsageError).message).toContain(message);
  });

  it('a rule of the search that is none, and an image that is none, in a list too', async () => {
    const screener = await createScreener(opened(), { searchRuntime: onnxruntimeNode() });
    await expect(screener.reclassify(seven, { keepAll: odd('false') })).rejects.toThrow('keepAll is "false"; allowed are true and false.');
    await expect(screener.reclassify(seven, { minMargin: odd('1.5') })).rejects.toThrow('minMargin is "1.5"; allowed are numbers');
    // biome-ignore lint/suspicious/noSparseArray: it is what is tried.
    await expect(screener.screen([seven, , seven] as never)).rejects.toThrow('this is undefined.');
    await expect(screener.screen(odd(readFile('test/samples/digit-7-a.png')))).rejects.toThrow('this is an object of the class Promise.');
    await screener.close();
  });
});

it('takes a folder as a URL, a bundle that is still being opened, and limits that are left undefined', async () => {
  const screener = await createScreener(openBundle(pathToFileURL(MNIST)), { limits: odd({ maxPixels: undefined, maxSide: 28 }) });
  expect(await screener.screen(seven)).toMatchObject({ verdict: 'accepted' });
  expect(await screener.screen({ width: 29, height: 28, data: new Uint8Array(29 * 28) })).toMatchObject({ problem: 'image-too-large' });
  await screener.close();
});

describe('a bundle that cannot be fetched', () => {
  const page = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html; charset=utf-8' } });
  it.each<[string, () => Promise<Response>, string]>([
    ['nobody answers', () => Promise.reject(new TypeError('fetch failed', { cause: new Error('refused') })), 'does not answer: refused'],
    ['it is not there', async () => new Response('', { status: 404 }), 'https://example.com/m/screening.json answers 404'],
    ['the server answers its page for it', async () => page(), 'screening.json answers a page in place of the file'],
  ])('%s: says from where, and why', async (_, fetcher, message) => {
    await expect(fetchBundle('https://example.com/m', fetcher)).rejects.toThrow(message);
  });

  it('says that a parsed file is no file', async () => {
    await expect(bundleOf({ 'screening.json': odd({ version: 1 }) })).rejects.toThrow('it was given as an object of the class Object');
  });
});
