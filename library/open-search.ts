import { UsageError } from '../shared/user-error.ts';
import type { ScreeningBundle } from './bundle.ts';
import { checkRuntime } from './check-arguments.ts';
import type { Runtime } from './runtimes/runtime.ts';

/** Opens the search when it is first needed; after a failure the next call tries again. */
export function searchOpener(bundle: ScreeningBundle | Promise<ScreeningBundle>, runtime: Runtime) {
  let opening: ReturnType<NonNullable<Runtime['openSearch']>> | undefined;
  return {
    open() {
      opening ??= open(bundle, runtime).catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    close: async () => (await opening)?.close(),
  };
}

async function open(bundle: ScreeningBundle | Promise<ScreeningBundle>, runtime: Runtime) {
  checkRuntime(runtime);
  if (!runtime.openSearch)
    throw new UsageError(`The runtime ${runtime.name} does not search. Give ONNX Runtime as searchRuntime, or as runtime.`);
  return runtime.openSearch(await (await bundle).withSearch());
}
