import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startWorker } from '../../cli/start-worker.ts';
import { openBundle } from '../../library/node.ts';
import { RUNTIMES, type RuntimeName } from '../../page/engine/runtimes.ts';
import { startChromium } from './chromium.ts';
import { mixedImages } from './mixed-images.ts';
import { screenInEngine } from './page-engine.ts';
import { compareVerdicts } from './verdicts.ts';
import { workerVerdicts } from './worker-verdicts.ts';

/**
 * Screens the same images in the worker and in its page (`GET /`) on each runtime that the page has. Prints the median time for an image, and
 * exits with 1 if a verdict differs although no score is next to its threshold, or a runtime is not what was chosen. WebGPU is SwiftShader's:
 * its times say nothing of a graphics card.
 *
 *   pnpm bench:page [--models mnist,mnist-paper] [--images 500]
 */
const { values: options } = parseArgs({
  options: { models: { type: 'string', default: 'mnist,mnist-paper' }, images: { type: 'string', default: '500' } },
});
const count = Number(options.images);
for (const model of options.models.split(',')) {
  const { screening } = await openBundle(`models/${model}`);
  const images = await mixedImages(screening, count);
  const worker = await startWorker(model, { LOG_REQUESTS: 'off' });
  const browser = await startChromium(true);
  try {
    const expected = await workerVerdicts(worker.url, images, images.length / count);
    const page = await browser.newPage();
    await page.goto(worker.url);
    for (const runtime of Object.keys(RUNTIMES) as RuntimeName[]) {
      const { running, results, ms } = await screenInEngine(page, runtime, images, images.length / count);
      const { different, near } = compareVerdicts(results, expected, screening);
      if (running.runtime !== runtime) different.push(`it runs on ${running.runtime}: ${running.instead}`);
      const accepted = results.filter(({ verdict }) => verdict === 'accepted').length;
      const msPerImage = Number((ms.toSorted((a, b) => a - b)[ms.length >> 1] ?? Number.NaN).toFixed(2));
      console.log(JSON.stringify({ model, runtime, images: count, accepted, different: different.length, near: near.length, msPerImage }));
      for (const what of different) console.error(`${model} on ${runtime}: ${what}`);
      if (different.length > 0) process.exitCode = 1;
    }
  } finally {
    await browser.close();
    await worker.close();
  }
}
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
