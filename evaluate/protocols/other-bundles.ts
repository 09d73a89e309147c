import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { architectureSchema } from '../../trainer/model/architecture.ts';

/** Of the encoder in training: the paper's, or that of an ordinary variational autoencoder. */
export type Entropy = 'constant' | 'variable';

/** Another model of the same data. */
export interface Beside {
  directory: string;
  name: string;
  id: string;
  entropy: Entropy;
}

/** How parts begin that another bundle was measured in, to compare: they say nothing of this one. */
export const BESIDE = 'beside ';
export const isBeside = ({ name }: { name: string }) => name.startsWith(BESIDE);

/** Bundles in the same folder of the same data, classes and image size; damaged ones are passed over. */
export async function bundlesBeside(directory: string, { modelId, classes, input, provenance }: Screening): Promise<Beside[]> {
  const same = canonicalJson({ classes, input, data: provenance.data });
  const found: Beside[] = [];
  for (const name of (await readdir(dirname(directory)).catch(() => [])).sort()) {
    const other = join(dirname(directory), name);
    const text = await readFile(join(other, 'screening.json'), 'utf8').catch(() => null);
    const screening = text === null ? null : await parseScreening(text).catch(() => null);
    const entropy = screening && entropyOf(screening);
    // Without its architecture there is no model that gives gradients.
    if (!screening || !entropy || screening.modelId === modelId) continue;
    if (canonicalJson({ classes: screening.classes, input: screening.input, data: screening.provenance.data }) === same)
      found.push({ directory: other, name, id: screening.id, entropy });
  }
  return found;
}

/** Null of a bundle that does not say its architecture. */
export function entropyOf({ provenance }: Screening): Entropy | null {
  return architectureSchema.safeParse(provenance.training?.architecture).data?.entropy ?? null;
}
