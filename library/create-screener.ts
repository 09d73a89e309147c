import { admitted } from './admit.ts';
import type { ScreeningBundle } from './bundle.ts';
import type { LoadModule } from './runtimes/kernels.ts';
import { openScreener, type Screener, type ScreenerOptions } from './screener.ts';

/** Creates a screener with the WebAssembly modules of a platform. @throws UnfitError, and what `openScreener` throws */
export async function createScreenerWith(
  load: LoadModule,
  bundle: ScreeningBundle | Promise<ScreeningBundle>,
  options: ScreenerOptions = {},
): Promise<Screener> {
  return openScreener(load, await admitted(bundle, options), options);
}
