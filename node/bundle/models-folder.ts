import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { modelCard } from '../../shared/bundle/model-card.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { writeAtomically } from '../files/files.ts';
import { projectPath } from '../project-folder.ts';

export const MODELS = projectPath('models');
/** Lists the bundles that come with the project and how each is made (`pnpm reference`). */
const REFERENCE_FILE = 'reference.json';

const recipesSchema = z.record(
  z.string(),
  z.strictObject({
    /** Arguments of `pnpm train`. */
    train: z.array(z.string()),
    /** Data set that does not come with the project. */
    data: z.string().optional(),
  }),
);

export type Recipe = z.infer<typeof recipesSchema>[string];

/** Returns how the bundles that come with the project are made, by name; none in a folder without the list. */
export async function referenceRecipes(models = MODELS): Promise<Record<string, Recipe>> {
  const text = await readFile(join(models, REFERENCE_FILE), 'utf8').catch(() => '{}');
  return recipesSchema.parse(JSON.parse(text));
}

/** Returns the names of the bundles that come with the project. */
export async function referenceNames(models = MODELS): Promise<string[]> {
  return Object.keys(await referenceRecipes(models));
}

/** Writes a screening with its checksums and its model card into a bundle's folder. */
export async function writeScreening(directory: string, screening: Screening): Promise<void> {
  await writeAtomically(join(directory, 'screening.json'), `${JSON.stringify(screening, null, 1)}\n`);
  await writeAtomically(join(directory, 'README.md'), modelCard(screening));
}
