import { join } from 'node:path';
import { writeAtomically } from '../../node/files/files.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadRun, type Run, readMetrics } from '../run.ts';
import { findingsOf } from './findings.ts';
import { reportPage } from './page.ts';

/**
 * `runs/NAME/report.html`: one file with all that a run came to, to be opened in a browser.
 *
 * @returns its path
 * @throws RunError where the run is not calibrated; the signal's reason, where it is aborted
 */
export async function writeReport(run: Run, dataset: Dataset, signal?: AbortSignal): Promise<string> {
  const { model, splits, calibrated } = await loadRun(run);
  const metrics = await readMetrics(run);
  const path = join(run.directory, 'report.html');
  await writeAtomically(
    path,
    await reportPage(run.config, calibrated, await findingsOf(model, dataset, splits, calibrated, signal), metrics),
  );
  return path;
}
