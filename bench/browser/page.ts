import { createScreener, fetchBundle, type ReclassifyResult, type ScreenerInfo, type ScreenResult } from '../../library/browser.ts';
import { onnxruntimeWeb, type WebProvider } from '../../library/runtimes/onnxruntime-web.ts';

/** What the page is asked to screen, and how. */
export interface Asked {
  model: string;
  runtime: 'kernels' | WebProvider;
  /** Images a call. */
  batches: number[];
  /** The most calls for each but the first size, for which all images are screened. */
  calls?: number;
  /** How many of the last images, the noisiest, are also searched for. */
  searches?: number;
  /** Wrong on purpose, to see what the page does. */
  files?: string;
}

/** What the page answers. */
export interface Answered {
  info: Pick<ScreenerInfo, 'runtime' | 'provider' | 'instead'>;
  /** From the fetched bundle to a screener whose golden image is right. */
  openMs: number;
  /** For each batch size, the results in order and the time of each call. */
  runs: { batch: number; results: ScreenResult[]; ms: number[] }[];
  searched: ReclassifyResult[];
}

declare global {
  var screenImages: (asked: Asked) => Promise<Answered>;
}

globalThis.screenImages = async ({ model, runtime, batches, calls = Infinity, searches = 0, files = '/onnxruntime' }) => {
  const bundle = await fetchBundle(`/models/${model}`);
  const { height, width, channels } = bundle.screening.input;
  const size = height * width * channels;
  const values = new Float32Array(await (await fetch(`/images/${model}`)).arrayBuffer());
  const images = Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  const before = performance.now();
  const loadModule = async () => WebAssembly.compile(await (await fetch('/kernels.wasm')).arrayBuffer());
  const screener = await createScreener(bundle, {
    // Fit to deploy or not.
    force: true,
    loadModule,
    ...(runtime === 'kernels' ? {} : { runtime: onnxruntimeWeb({ provider: runtime, files }) }),
  });
  const openMs = performance.now() - before;
  const { runtime: name, provider, instead } = screener.info;
  const runs: Answered['runs'] = [];
  for (const [i, batch] of batches.entries()) {
    const [results, ms]: [ScreenResult[], number[]] = [[], []];
    for (let first = 0; first < images.length && (i === 0 || ms.length < calls); first += batch) {
      const started = performance.now();
      results.push(...(await screener.screen(images.slice(first, first + batch))));
      ms.push(performance.now() - started);
    }
    runs.push({ batch, results, ms });
  }
  const searched: ReclassifyResult[] = [];
  for (const image of images.slice(images.length - searches)) searched.push(await screener.reclassify(image));
  await screener.close();
  return { info: { runtime: name, provider, ...(instead ? { instead } : {}) }, openMs, runs, searched };
};
