import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, startChromium } from '../../bench/browser/chromium.ts';
import { mixedImages } from '../../bench/browser/mixed-images.ts';
import { screenInEngine } from '../../bench/browser/page-engine.ts';
import { compareVerdicts } from '../../bench/browser/verdicts.ts';
import { workerVerdicts } from '../../bench/browser/worker-verdicts.ts';
import { startWorker, type Worker } from '../../cli/start-worker.ts';
import { openBundle } from '../../library/node.ts';
import type { RuntimeName } from '../../page/engine/runtimes.ts';

const chromium = findChromium();
const why = chromium ? '' : ': SKIPPED, there is no Chromium on the PATH or in the variable CHROMIUM';
const LIMIT_MS = 180_000;

describe.skipIf(!chromium)(`runtimes of the page${why}`, { timeout: LIMIT_MS }, () => {
  let worker: Worker;
  const browsers: Browser[] = [];
  const requested: string[] = [];
  const problems: string[] = [];

  const open = async (webgpu: boolean): Promise<Page> => {
    const browser = await startChromium(webgpu);
    browsers.push(browser);
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS / 2);
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(worker.url);
    await answered(page);
    return page;
  };
  const answered = (page: Page) => page.waitForFunction(() => / ms$/.test(document.getElementById('worker-time')?.textContent ?? ''));
  /** Chooses a runtime; returns both answers and what is told of it. */
  const choose = async (page: Page, name: RuntimeName) => {
    await page.evaluate(() => {
      (document.getElementById('worker-time') as HTMLElement).textContent = '';
    });
    await page.getByLabel('This page runs the model on').selectOption(name);
    await page.waitForFunction(() => !/^(Loading|$)/.test(document.getElementById('runtime-note')?.textContent ?? ''));
    await answered(page);
    const textOf = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? '';
    return {
      answers: [await textOf('page-answer'), await textOf('worker-answer')],
      note: await textOf('runtime-note'),
      runs: await page.getByLabel('This page runs the model on').inputValue(),
    };
  };

  beforeAll(async () => {
    worker = await startWorker('mnist-paper', {});
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await worker?.close();
  });

  // WebGPU by software takes minutes on a busy machine.
  it("give the worker's verdicts, and load nothing before they are chosen", { timeout: 3 * LIMIT_MS }, async () => {
    const page = await open(true);
    expect(requested.filter((url) => /ort|onnxruntime/.test(url))).toEqual([]);
    for (const name of ['wasm', 'webgpu', 'kernels'] as const) {
      const { answers, note, runs } = await choose(page, name);
      expect([name, runs, answers]).toEqual([name, name, ['accepted as 0', 'accepted as 0']]);
      expect(note).not.toContain('because');
    }
    const { screening } = await openBundle('models/mnist-paper');
    for (const [runtime, count] of [
      ['kernels', 500],
      ['wasm', 100],
      ['webgpu', 8],
    ] as const) {
      const images = await mixedImages(screening, count);
      const expected = await workerVerdicts(worker.url, images, images.length / count);
      const { running, results } = await screenInEngine(page, runtime, images, images.length / count);
      expect(running).toEqual({ runtime, instead: null });
      expect([runtime, compareVerdicts(results, expected, screening).different]).toEqual([runtime, []]);
      expect(new Set(results.map(({ verdict }) => verdict))).toEqual(new Set(['accepted', 'rejected']));
    }
  });

  it('fall back, and the page says why, where there is no WebGPU and where a file does not come', async () => {
    const page = await open(false);
    const without = await choose(page, 'webgpu');
    expect(without).toMatchObject({ runs: 'wasm', answers: ['accepted as 0', 'accepted as 0'] });
    expect(without.note).toMatch(/^It runs on ONNX Runtime on WebAssembly, because: .*WebGPU/);
    const cut = await open(false);
    await cut.route('**/*.wasm.gz', (route) => route.fulfill({ status: 404 }));
    const missing = await choose(cut, 'wasm');
    expect(missing).toMatchObject({ runs: 'kernels', answers: ['accepted as 0', 'accepted as 0'] });
    expect(missing.note).toMatch(/^It runs on the project’s own kernels, because: .*\.wasm\.gz answers 404/);
    await cut.unroute('**/*.wasm.gz');
    expect(await choose(cut, 'wasm')).toMatchObject({ runs: 'wasm' });
  });

  it('come from the worker alone, under its policy', () => {
    expect(new Set(requested.map((url) => new URL(url).origin))).toEqual(new Set([worker.url]));
    expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  });
});
