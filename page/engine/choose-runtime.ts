import type { ScreeningBundle } from '../../library/bundle.ts';
import type { ImageInput } from '../../library/images.ts';
import { kernels, type LoadModule } from '../../library/runtimes/kernels.ts';
import type { Runtime } from '../../library/runtimes/runtime.ts';
import { openScreener, type Screener } from '../../library/screener.ts';
import { UnsupportedGraphError } from '../../shared/runtime/operator.ts';
import type { Running, RuntimeChoice, RuntimeName, TimedExplained } from './runtimes.ts';

/**
 * Opens a bundle on the project's own kernels; a model with an operator that they do not know is opened in ONNX Runtime, as the worker does.
 * Each runtime stays open once it was chosen.
 *
 * @throws UserError if the model can't be run
 */
export async function openOnChoice(bundle: ScreeningBundle, loadModule: LoadModule): Promise<RuntimeChoice> {
  const opened = new Map<RuntimeName, Promise<Screener>>();
  const screenerOn = (name: RuntimeName): Promise<Screener> => {
    const opening = opened.get(name) ?? openRuntime(name, loadModule).then((runtime) => openScreener(loadModule, bundle, { runtime }));
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
    return opening;
  };
  const runningOn = ({ info }: Screener, instead = info.instead ?? null): Running => ({
    runtime: info.runtime === 'kernels' ? 'kernels' : info.provider === 'webgpu' ? 'webgpu' : 'wasm',
    instead,
  });
  let [screener, running] = await screenerOn('kernels').then(
    (first): [Screener, Running] => [first, runningOn(first)],
    async (error: Error): Promise<[Screener, Running]> => {
      if (!(error instanceof UnsupportedGraphError)) throw error;
      const other = await screenerOn('wasm');
      return [other, runningOn(other, error.message)];
    },
  );
  let choices = 0;
  return {
    running: () => running,
    async use(name) {
      const own = ++choices;
      const next = await screenerOn(name).catch((error: Error) => error.message);
      if (own !== choices) return running;
      if (typeof next === 'string') return { ...running, instead: next };
      [screener, running] = [next, runningOn(next)];
      return running;
    },
    explain: (image) => timed(screener, image),
  };
}

/** The first screening reads the image; the second, on the model's own input, is the one that is timed. */
async function timed(screener: Screener, image: ImageInput): Promise<TimedExplained> {
  const explained = await screener.explain(image);
  if (explained.verdict === 'unreadable') return { ...explained, ms: 0 };
  const started = performance.now();
  await screener.screen(explained.input);
  return { ...explained, ms: performance.now() - started };
}

/** Opens a runtime. ONNX Runtime's code and WebAssembly are fetched from the page's own origin when it is first chosen. */
async function openRuntime(name: RuntimeName, loadModule: LoadModule): Promise<Runtime> {
  if (name === 'kernels') return kernels(loadModule);
  const { onnxruntimeWeb } = await import('../../library/runtimes/onnxruntime-web.ts');
  return onnxruntimeWeb({ provider: name, loadFile });
}

/** Fetches a file of ONNX Runtime, which is served compressed, as it is larger than what Cloudflare serves. */
async function loadFile(file: string): Promise<ArrayBuffer> {
  const response = await fetch(`/page/${file}.gz`);
  if (!response.ok || !response.body) throw new Error(`/page/${file}.gz answers ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
