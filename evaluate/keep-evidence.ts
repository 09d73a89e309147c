import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sealed } from '../shared/bundle-id.ts';
import { modelCard } from '../shared/model-card.ts';
import { BundleError, parseScreening } from '../shared/open-bundle.ts';
import type { Evidence, Screening } from '../shared/screening-schema.ts';
import { freshOf, recoverDirectory, replaceDirectory } from '../trainer/replace-directory.ts';
import { writeAtomically } from '../trainer/write-atomically.ts';

/**
 * Puts outcomes into the bundle's screening.json in place of those of the same protocol and name, and renews its model card.
 * The bundle's id stays, as nothing that decides has changed; its checksum is new. The folder is replaced as a whole.
 *
 * @throws BundleError where the bundle is no longer the one that was measured
 */
export async function keepEvidence(directory: string, evidence: Evidence[]): Promise<Screening> {
  await recoverDirectory(directory);
  const fresh = freshOf(directory);
  try {
    await rm(fresh, { recursive: true, force: true });
    await cp(directory, fresh, { recursive: true });
    const { id, checksum: _, ...content } = await openMeasured(fresh, evidence);
    const replaced = (old: Evidence) => evidence.some(({ name, protocol }) => name === old.name && protocol === old.protocol);
    const kept = await sealed({
      ...content,
      evidence: [...content.evidence.filter((old) => old.id === id && !replaced(old)), ...evidence],
    });
    await writeAtomically(join(fresh, 'screening.json'), `${JSON.stringify(kept, null, 1)}\n`);
    await writeAtomically(join(fresh, 'README.md'), modelCard(kept));
    // An export may have been at work meanwhile: its bundle is not the one that was measured.
    await openMeasured(directory, evidence);
    await replaceDirectory(directory, fresh, 'screening.json');
    return kept;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function openMeasured(directory: string, evidence: Evidence[]): Promise<Screening> {
  const screening = await parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
  const other = evidence.find(({ id }) => id !== screening.id);
  if (other) throw new BundleError(`the bundle was replaced while it was measured: ${other.id} is now ${screening.id}. Evaluate again.`);
  return screening;
}
