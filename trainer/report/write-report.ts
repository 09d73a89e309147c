import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { loadRun, type Run } from '../run.ts';
import { writeAtomically } from '../write-atomically.ts';
import { findingsOf } from './findings.ts';
import { reportPage } from './page.ts';

/**
 * `runs/NAME/report.html`: one file with all that a run came to, to be opened in a browser.
 *
 * @returns its path
 * @throws RunError where the run is not calibrated
 */
export async function writeReport(run: Run, dataset: Dataset): Promise<string> {
  const { model, splits, calibrated } = await loadRun(run);
  const lines = (await readFile(join(run.directory, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const metrics = lines.filter(Boolean).map((line) => JSON.parse(line) as Record<string, number>);
  const path = join(run.directory, 'report.html');
  await writeAtomically(path, await reportPage(run.config, calibrated, findingsOf(model, dataset, splits, calibrated), metrics));
  return path;
}
