import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../shared/canonical-json.ts';
import { parseScreening } from '../shared/open-bundle.ts';
import type { Screening } from '../shared/screening-schema.ts';

/** Folders beside a bundle with other models of the same data, classes and image size; damaged ones are passed over. */
export async function bundlesBeside(directory: string, { modelId, classes, input, provenance }: Screening): Promise<string[]> {
  const same = canonicalJson({ classes, input, data: provenance.data });
  const found: string[] = [];
  for (const name of (await readdir(dirname(directory)).catch(() => [])).sort()) {
    const other = join(dirname(directory), name);
    const text = await readFile(join(other, 'screening.json'), 'utf8').catch(() => null);
    const screening = text === null ? null : await parseScreening(text).catch(() => null);
    // Without its architecture there is no model that gives gradients.
    if (!screening?.provenance.training?.architecture || screening.modelId === modelId) continue;
    if (canonicalJson({ classes: screening.classes, input: screening.input, data: screening.provenance.data }) === same) found.push(other);
  }
  return found;
}
