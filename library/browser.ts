import type { ScreeningBundle } from './bundle.ts';
import { createScreenerWith } from './create-screener.ts';
import { loadModule } from './modules/browser.ts';
import type { Screener, ScreenerOptions } from './screener.ts';

export * from './api.ts';

/**
 * Creates a screener.
 *
 * @throws UnfitError if the model is not fit to deploy, unless `force` is true; UserError if the runtime can't open the graph, or does not
 *   compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await fetchBundle('/models/mnist'));
 * const result = await screener.screen(file);
 */
export function createScreener(bundle: ScreeningBundle | Promise<ScreeningBundle>, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(loadModule, bundle, options);
}
