import type { Bundle } from '../shared/bundle/open-bundle.ts';
import { goldenProblem } from '../shared/screening/golden.ts';
import type { Model } from '../shared/screening/model.ts';
import { UserError } from '../shared/user-error.ts';
import { checkRuntime } from './check-arguments.ts';
import type { Opened, Runtime } from './runtimes/runtime.ts';

/**
 * Opens a bundle's graph in a runtime and runs the golden image.
 *
 * @throws UsageError if there is no runtime; UserError if the runtime can't open the graph, or does not compute what the model did when it was exported
 */
export async function openModel(bundle: Bundle, runtime: Runtime): Promise<{ model: Model; opened: Opened }> {
  checkRuntime(runtime);
  const { screen, ...opened } = await runtime.openScreen(bundle);
  const model: Model = { screening: bundle.screening, screen };
  try {
    const problem = await goldenProblem(model);
    if (problem)
      throw new UserError(
        `Model ${bundle.screening.name} does not compute in ${runtime.name} (${opened.provider}) what it did when it was exported: ` +
          `${problem}. Nothing can be screened with it here; use another runtime or machine.`,
      );
  } catch (error) {
    await opened.close();
    throw error;
  }
  return { model, opened };
}
