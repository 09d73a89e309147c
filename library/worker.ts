import { loadModule } from '#load-module';
import { createApp as createWorkerApp } from '../edge/app.ts';
import type { Fitness } from '../shared/bundle/fitness-schema.ts';
import type { LocalSearch } from '../shared/runtime/screen.ts';
import { UserError } from '../shared/user-error.ts';
import type { ScreeningBundle } from './bundle.ts';
import { openModel } from './open-model.ts';
import { kernels } from './runtimes/kernels.ts';
import type { Runtime } from './runtimes/runtime.ts';

export { BundleError } from '../shared/bundle/open-bundle.ts';
export { type BundleFiles, bundleOf, type FileContent, readBundle, type ScreeningBundle } from './bundle.ts';
export type { Opened, Runtime } from './runtimes/runtime.ts';

/** The settings of the worker's app. Everything else is variables, as for the worker itself. */
export interface AppOptions {
  bundle: ScreeningBundle | Promise<ScreeningBundle>;
  /** Runs `screen.onnx`. Default: the project's own kernels. */
  runtime?: Runtime;
  /** Runs the search for RECLASSIFY=local. Default: `runtime`, if it can. */
  searchRuntime?: Runtime;
  /** The verdict on the model's fitness, shown by `/model`. */
  fitness?: Fitness;
  /** Reaches the fallback and the classifier. */
  fetcher?: typeof fetch;
  /** Lets the platform finish work that must not be dropped with its request: `waitUntil` of `cloudflare:workers`. */
  waitUntil?: (work: Promise<unknown>) => void;
}

/** An HTTP application: a module worker, or what a server or another app calls. */
export interface ScreeningApp {
  /** Answers a request. @param variables the worker's variables and secrets, by name */
  fetch(request: Request, variables?: object): Response | Promise<Response>;
}

/**
 * Creates the whole worker: `/screen`, `/guard`, `/v2` and the rest of the API, configured by variables. Opens the model first. If that
 * fails, every answer that needs the model is 503 and says why: nothing is ever accepted without it.
 *
 * @example
 * const bundle = bundleOf({ 'screening.json': text, 'screen.onnx': graph, 'weights.bin': weights });
 * export default await createApp({ bundle, waitUntil });
 */
export async function createApp(options: AppOptions): Promise<ScreeningApp> {
  const { bundle, runtime = kernels(loadModule), searchRuntime = runtime, fitness, waitUntil } = options;
  const model = Promise.resolve(bundle).then(async (opened) => (await openModel(opened, runtime)).model);
  // A failure is told to whoever asks. Not left to the first request: a worker's request does not wait for what another began.
  await model.catch(() => undefined);
  let search: Promise<LocalSearch> | undefined;
  const app = createWorkerApp({
    model: () => model,
    checkedAtStart: true,
    openSearch() {
      search ??= openSearch(bundle, searchRuntime);
      return search;
    },
    fetcher: options.fetcher ?? ((input, init) => fetch(input, init)),
    ...(fitness ? { fitness } : {}),
    ...(waitUntil ? { waitUntil } : {}),
  });
  return { fetch: (request, variables = {}) => app.fetch(request, variables) };
}

async function openSearch(bundle: AppOptions['bundle'], runtime: Runtime): Promise<LocalSearch> {
  if (!runtime.openSearch) throw new UserError(`the runtime ${runtime.name} does not search; give ONNX Runtime as searchRuntime`);
  return (await runtime.openSearch(await (await bundle).withSearch())).search;
}
