import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeScreening } from '../../node/bundle/models-folder.ts';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { sealed } from '../../shared/bundle/hashes.ts';
import { BundleError, parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Evidence, Screening } from '../../shared/bundle/screening-schema.ts';

/**
 * Puts outcomes into the bundle's screening.json in place of those of the same protocol and name, and renews its model card.
 * The bundle's id stays, as nothing that decides has changed; its checksum is new. The folder is replaced as a whole.
 *
 * @throws BundleError where the bundle is no longer the one that was measured
 */
export function keepEvidence(directory: string, evidence: Evidence[]): Promise<Screening> {
  return rebuildFolder(directory, 'screening.json', async (fresh) => {
    await cp(directory, fresh, { recursive: true });
    const { id, checksum: _, ...content } = await openMeasured(fresh, evidence);
    const replaced = (old: Evidence) => evidence.some(({ name, protocol }) => name === old.name && protocol === old.protocol);
    const kept = await sealed({
      ...content,
      evidence: [...content.evidence.filter((old) => old.id === id && !replaced(old)), ...evidence],
    });
    await writeScreening(fresh, kept);
    // An export may have been at work meanwhile: its bundle is not the one that was measured.
    await openMeasured(directory, evidence);
    return kept;
  });
}

async function openMeasured(directory: string, evidence: Evidence[]): Promise<Screening> {
  const screening = await parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
  const other = evidence.find(({ id }) => id !== screening.id);
  if (other) throw new BundleError(`the bundle was replaced while it was measured: ${other.id} is now ${screening.id}. Evaluate again.`);
  return screening;
}
