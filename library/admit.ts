import { admit } from '../shared/bundle/admit.ts';
import type { ScreeningBundle } from './bundle.ts';
import { checkBundle } from './check-arguments.ts';

/** The setting of everything that screens with a bundle. */
export interface ForceOption {
  /**
   * Screens with a model even if it is not fit to deploy, a trial for instance; `info.screening.forced` then says what speaks against it.
   * Without it only bundles open that are fit, or whose fitness was not measured, or that were exported with `--force`.
   */
  force?: boolean;
}

/**
 * Admits a bundle, by the same judgement as the worker's build.
 *
 * @throws UsageError if it is no bundle; UnfitError if the model is not fit to deploy, unless `force` is true; what its opening threw
 */
export async function admitted(given: ScreeningBundle | Promise<ScreeningBundle>, { force }: ForceOption): Promise<ScreeningBundle> {
  const bundle = await given;
  checkBundle(bundle);
  const screening = await admit(bundle.screening, {
    ...{ use: 'deploy', force: force === true, refused: 'screened with' },
    todo: 'Choose another, or give force: true to screen with it anyway.',
  });
  return { ...bundle, screening };
}
