import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sealed } from '../shared/bundle-id.ts';
import { modelCard } from '../shared/model-card.ts';
import { BundleError, parseScreening } from '../shared/open-bundle.ts';
import type { Evidence, Screening } from '../shared/screening-schema.ts';
import { writeAtomically } from '../trainer/write-atomically.ts';

/**
 * Puts outcomes into the bundle's screening.json in place of those of the same protocol, and renews its model card. The
 * bundle's id stays, as nothing that decides has changed; its checksum is new.
 *
 * @throws BundleError where the bundle is no longer the one that was measured
 */
export async function keepEvidence(directory: string, protocol: string, evidence: Evidence[]): Promise<Screening> {
  const screening = await parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
  const other = evidence.find(({ id }) => id !== screening.id);
  if (other) throw new BundleError(`${directory} was replaced while it was measured (${other.id} is now ${screening.id}). Evaluate again.`);
  const { id: _, checksum: __, ...content } = screening;
  const kept = await sealed({ ...content, evidence: [...content.evidence.filter((entry) => entry.protocol !== protocol), ...evidence] });
  await writeAtomically(join(directory, 'screening.json'), `${JSON.stringify(kept, null, 1)}\n`);
  await writeAtomically(join(directory, 'README.md'), modelCard(kept));
  return kept;
}
