import { join } from 'node:path';
import { modelCard } from '../../shared/bundle/model-card.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { writeAtomically } from '../files/write-atomically.ts';

/** A sealed screening and the model card that goes with it, into a bundle's folder. */
export async function writeScreening(directory: string, screening: Screening): Promise<void> {
  await writeAtomically(join(directory, 'screening.json'), `${JSON.stringify(screening, null, 1)}\n`);
  await writeAtomically(join(directory, 'README.md'), modelCard(screening));
}
