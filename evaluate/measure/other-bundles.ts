import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { architectureSchema } from '../../trainer/model/architecture.ts';

/** The encoder's entropy in training: the paper's, or that of an ordinary variational autoencoder. */
export type Entropy = 'constant' | 'variable';

/** Another bundle of the same data. */
export interface OtherBundle {
  directory: string;
  name: string;
  id: string;
  entropy: Entropy;
}

/** Lists the bundles in the same folder with the same data, classes and image size; skips damaged ones. */
export async function otherBundles(directory: string, { modelId, classes, input, provenance }: Screening): Promise<OtherBundle[]> {
  const same = canonicalJson({ classes, input, data: provenance.data });
  const found: OtherBundle[] = [];
  for (const name of (await readdir(dirname(directory)).catch(() => [])).sort()) {
    const other = join(dirname(directory), name);
    const text = await readFile(join(other, 'screening.json'), 'utf8').catch(() => null);
    const screening = text === null ? null : await parseScreening(text).catch(() => null);
    const entropy = screening && entropyOf(screening);
    // Without its architecture a bundle gives no gradients.
    if (!screening || !entropy || screening.modelId === modelId) continue;
    if (canonicalJson({ classes: screening.classes, input: screening.input, data: screening.provenance.data }) === same)
      found.push({ directory: other, name, id: screening.id, entropy });
  }
  return found;
}

/** Returns null for a bundle that does not name its architecture. */
export function entropyOf({ provenance }: Screening): Entropy | null {
  return architectureSchema.safeParse(provenance.training?.architecture).data?.entropy ?? null;
}
