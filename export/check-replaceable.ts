import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseScreening } from '../shared/bundle/open-bundle.ts';
import { UsageError } from '../shared/user-error.ts';

/**
 * Checks that a folder is free for a run's bundle: it holds none yet, or an older one of the same run.
 *
 * @param trained start of the run's training
 * @param recalibrated a bundle of the run with thresholds of the operator's own images may be replaced too
 * @throws UsageError where it holds the bundle of another run, or one that can't be read
 */
export async function checkReplaceable(directory: string, trained: string, recalibrated: boolean): Promise<void> {
  const text = await readFile(join(directory, 'screening.json'), 'utf8').catch(() => null);
  if (text === null) return;
  const advice = 'Choose another --name, or give --replace if you mean to replace it.';
  const there = await parseScreening(text).catch((error: Error) => {
    throw new UsageError(`${directory} holds a bundle that can't be read (${error.message}) and is not overwritten. ${advice}`);
  });
  const { provenance } = there;
  const { dataset, preset, ownCalibration } = provenance;
  if (provenance.trained !== trained)
    throw new UsageError(
      `${directory} holds the bundle of another run (${preset} on ${dataset}, begun ${provenance.trained}) ` +
        `and is not overwritten. ${advice}`,
    );
  if (ownCalibration && !recalibrated)
    throw new UsageError(
      `${directory} has thresholds from ${ownCalibration.images} images of your own (pnpm calibrate --images) ` +
        `and is not overwritten. ${advice}`,
    );
}
