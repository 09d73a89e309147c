import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../../bench/browser/chromium.ts';
import { mixedImages } from '../../bench/browser/mixed-images.ts';
import { openScreeningPage, type ScreeningPage } from '../../bench/browser/open-page.ts';
import { compareVerdicts } from '../../bench/browser/verdicts.ts';
import { createScreener, onnxruntimeNode, openBundle } from '../../library/node.ts';
import type { ReclassifyResult, ScreenResult } from '../../library/results.ts';
import { referenceRecipes } from '../../node/bundle/models-folder.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

const chromium = findChromium();
const why = chromium ? '' : ': SKIPPED, there is no Chromium on the PATH or in the variable CHROMIUM';
const models = Object.keys(await referenceRecipes());
/** WebGPU by software compiles its programs for some ten seconds a model: `pnpm bench:browser` takes every model. */
const ON_WEBGPU = ['mnist', 'coil100'];
const LIMIT_MS = 180_000;

describe.skipIf(!chromium)(`the library in a browser${why}`, () => {
  const images: Record<string, Float32Array> = {};
  const expected: Record<string, { screening: Screening; results: ScreenResult[] }> = {};
  let page: ScreeningPage;
  beforeAll(async () => {
    for (const model of models) {
      const screener = await createScreener(await openBundle(`models/${model}`), { force: true });
      const { screening } = screener.info;
      const { height, width, channels } = screening.input;
      const size = height * width * channels;
      const count = size > 4096 ? 4 : 24;
      const values = await mixedImages(screening, count);
      images[model] = values;
      const each = Array.from({ length: count }, (_, i) => values.subarray(i * size, (i + 1) * size));
      expected[model] = { screening, results: await screener.screen(each) };
      await screener.close();
    }
    page = await openScreeningPage(images, true);
  }, LIMIT_MS);
  afterAll(() => page?.close());

  const cases = (['kernels', 'wasm', 'webgpu'] as const).flatMap((runtime) =>
    models.filter((model) => runtime !== 'webgpu' || ON_WEBGPU.includes(model)).map((model) => ({ model, runtime })),
  );
  it.each(cases)(
    '$model on $runtime gives the verdicts of the worker, whatever the batch',
    async ({ model, runtime }) => {
      const { screening, results } = expected[model] as (typeof expected)[string];
      expect(new Set(results.map(({ verdict }) => verdict))).toEqual(new Set(['accepted', 'rejected']));
      const batches = runtime === 'webgpu' ? [results.length, 3] : [results.length, 5, 1];
      const { info, runs } = await page.screen({ model, runtime, batches });
      expect(info).toEqual(runtime === 'kernels' ? { runtime, provider: 'wasm' } : { runtime: 'onnxruntime-web', provider: runtime });
      for (const run of runs) expect(compareVerdicts(run.results, results, screening).different).toEqual([]);
      expect(runs.map(({ batch }) => batch)).toEqual(batches);
    },
    LIMIT_MS,
  );

  it(
    'searches on wasm, and finds what the search in Node finds',
    async () => {
      const values = images.mnist as Float32Array;
      const own = await createScreener(await openBundle('models/mnist'), { runtime: onnxruntimeNode() });
      const last = [values.slice(-2 * 784, -784), values.slice(-784)];
      const inNode = [await own.reclassify(last[0] as Float32Array), await own.reclassify(last[1] as Float32Array)];
      await own.close();
      const { searched } = await page.screen({ model: 'mnist', runtime: 'wasm', batches: [24], searches: 2 });
      const told = ({ verdict, ...rest }: ReclassifyResult) => [verdict, 'label' in rest ? rest.label : 'reason' in rest && rest.reason];
      expect(searched.map(told)).toEqual(inNode.map(told));
    },
    LIMIT_MS,
  );

  it('gets every file from its own origin, and only those that are there', () => {
    expect(page.failures).toEqual([]);
  });

  it('says so where the files of the runtime are not where it looks, and screens nothing', async () => {
    const asked = { model: 'mnist', runtime: 'webgpu', batches: [1], files: '/nowhere' } as const;
    const other = await openScreeningPage(images, true);
    try {
      await expect(other.screen({ ...asked, batches: [1] })).rejects.toThrow("onnxruntime-web can't open screen.onnx on wasm");
    } finally {
      await other.close();
    }
  });

  it(
    'falls back to wasm where there is no WebGPU, says why, and gives the same verdicts',
    async () => {
      const other = await openScreeningPage(images, false);
      try {
        const { info, runs } = await other.screen({ model: 'mnist', runtime: 'webgpu', batches: [24] });
        expect(info).toMatchObject({
          runtime: 'onnxruntime-web',
          provider: 'wasm',
          instead: expect.stringMatching(/^not webgpu: this .* WebGPU/),
        });
        const { screening, results } = expected.mnist as (typeof expected)[string];
        expect(compareVerdicts(runs[0]?.results ?? [], results, screening).different).toEqual([]);
      } finally {
        await other.close();
      }
    },
    LIMIT_MS,
  );
});
