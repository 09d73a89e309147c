import type { ScreeningBundle } from './bundle.ts';
import { loadModule } from './modules/browser.ts';
import { createScreenerWith, type Screener, type ScreenerOptions } from './screener.ts';

export * from './api.ts';

/**
 * Creates a screener.
 *
 * @throws UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 * @example
 * const screener = await createScreener(await fetchBundle('/models/mnist'));
 * const result = await screener.screen(file);
 */
export function createScreener(bundle: ScreeningBundle, options?: ScreenerOptions): Promise<Screener> {
  return createScreenerWith(loadModule, bundle, options);
}
