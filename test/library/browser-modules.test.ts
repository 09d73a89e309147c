import { afterEach, expect, it, vi } from 'vitest';
import { loadModule } from '../../library/modules/browser.ts';
import { UserError } from '../../library/node.ts';

afterEach(() => void vi.unstubAllGlobals());

it.each<[string, () => Promise<Response>, RegExp]>([
  ['nobody answers', () => Promise.reject(new TypeError('Failed to fetch')), /screening\.wasm can't be fetched \(Failed to fetch\)/],
  ['it is not there', async () => new Response('', { status: 404 }), /screening\.wasm answers 404/],
  [
    'the server answers its page for it',
    async () => new Response('<!doctype html>'),
    /screening\.wasm is not WebAssembly that runs here \(/,
  ],
])('a page whose WebAssembly is missing is told which file, and where it belongs: %s', async (_, answer, message) => {
  vi.stubGlobal('fetch', answer);
  const error = await Promise.resolve(loadModule('kernels')).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).toMatch(/; the file must be served beside the script$/);
});
