import { loadModule } from '#load-module';
import { createApp as createWorkerApp } from '../edge/app.ts';
import { UnfitError } from '../shared/bundle/admit.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import { UsageError } from '../shared/user-error.ts';
import { admitted, type ForceOption } from './admit.ts';
import type { ScreeningBundle } from './bundle.ts';
import { openModel } from './open-model.ts';
import { searchOpener } from './open-search.ts';
import { kernels } from './runtimes/kernels.ts';
import type { Runtime } from './runtimes/runtime.ts';

export { UnfitError } from '../shared/bundle/admit.ts';
export { BundleError } from '../shared/bundle/open-bundle.ts';
export { type BundleFiles, bundleOf, type FileContent, readBundle, type ScreeningBundle } from './bundle.ts';
export type { Opened, Runtime } from './runtimes/runtime.ts';

/** The settings of the worker's app. Everything else is variables, as for the worker itself. */
export interface AppOptions extends ForceOption {
  bundle: ScreeningBundle | Promise<ScreeningBundle>;
  /** Runs `screen.onnx`. Default: the project's own kernels. */
  runtime?: Runtime;
  /** Runs the search for RECLASSIFY=local. Default: `runtime`, if it can. */
  searchRuntime?: Runtime;
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
 * @throws UsageError if there is no bundle or runtime; UnfitError if the model is not fit to deploy, unless `force` is true
 * @example
 * const bundle = bundleOf({ 'screening.json': text, 'screen.onnx': graph, 'weights.bin': weights });
 * export default await createApp({ bundle, waitUntil });
 */
export async function createApp(options: AppOptions): Promise<ScreeningApp> {
  const { runtime = kernels(loadModule), searchRuntime = runtime, waitUntil } = options;
  const bundle = admitted(options.bundle, options);
  const model = bundle.then(async (opened) => (await openModel(opened, runtime)).model);
  // A failure is told to whoever asks. Not left to the first request: a worker's request does not wait for what another began.
  const loaded = await model.catch((error: unknown) => {
    if (error instanceof UnfitError || error instanceof UsageError) throw error;
  });
  const search = searchOpener(bundle, searchRuntime);
  const app = createWorkerApp({
    model: () => model,
    checkedAtStart: true,
    openSearch: async () => (await search.open()).search,
    fetcher: options.fetcher ?? ((input, init) => fetch(input, init)),
    ...(loaded ? { fitness: fitnessOf(loaded.screening) } : {}),
    ...(waitUntil ? { waitUntil } : {}),
  });
  return { fetch: (request, variables = {}) => app.fetch(request, variables) };
}
