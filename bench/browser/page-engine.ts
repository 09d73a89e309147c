import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { ScreenResult } from '../../library/results.ts';
import type { Engine, EngineEntry } from '../../page/engine/engine.ts';
import type { Running, RuntimeName } from '../../page/engine/runtimes.ts';

/** What the page's engine answers on one runtime. */
export interface EngineAnswers {
  running: Running;
  results: ScreenResult[];
  /** Times of the single screenings, in ms. */
  ms: number[];
}

const comlink = readFile(createRequire(import.meta.url).resolve('comlink/dist/umd/comlink.min.js'), 'utf8');

/** Screens images one by one in the engine of the worker's page, which is open in a browser. @param images [n, H, W, C] flat, of `size` values each */
export async function screenInEngine(page: Page, runtime: RuntimeName, images: Float32Array, size: number): Promise<EngineAnswers> {
  await page.evaluate(await comlink);
  const base64 = Buffer.from(images.buffer, images.byteOffset, images.byteLength).toString('base64');
  return page.evaluate(inPage, { runtime, base64, size });
}

/** Runs in the browser. */
async function inPage(given: { runtime: RuntimeName; base64: string; size: number }): Promise<EngineAnswers> {
  const { wrap } = (globalThis as unknown as { Comlink: typeof import('comlink') }).Comlink;
  const thread = new Worker('/page/engine.js', { type: 'module' });
  const engine = (await wrap<EngineEntry>(thread).open('')) as unknown as import('comlink').Remote<Engine>;
  const running = await engine.use(given.runtime);
  const images = new Float32Array(Uint8Array.from(atob(given.base64), (character) => character.charCodeAt(0)).buffer);
  const [results, ms]: [ScreenResult[], number[]] = [[], []];
  for (let first = 0; first < images.length; first += given.size) {
    const explained = await engine.explain(images.slice(first, first + given.size));
    if (explained.verdict === 'unreadable') throw new Error(explained.detail);
    const { verdict, scores } = explained;
    results.push(verdict === 'accepted' ? { verdict, scores, label: explained.label, index: explained.index } : { ...explained });
    ms.push(explained.ms);
  }
  thread.terminate();
  return { running, results, ms };
}
