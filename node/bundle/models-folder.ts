import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export const MODELS = 'models';
/** Names the model that the worker's build takes, the command line too; ignored by git. */
export const ACTIVE_FILE = '.active';
/** Bundles that come with the project, and how each is made (`pnpm reference`). */
const REFERENCE_FILE = 'reference.json';

const recipesSchema = z.record(
  z.string(),
  z.strictObject({
    /** What `pnpm train` is told. */
    train: z.array(z.string()),
    /** A data set that does not come with the project. */
    data: z.string().optional(),
  }),
);

export type Recipe = z.infer<typeof recipesSchema>[string];

/** How the bundles that come with the project are made, by name; in a folder without the list there are none. */
export async function referenceRecipes(models = MODELS): Promise<Record<string, Recipe>> {
  const text = await readFile(join(models, REFERENCE_FILE), 'utf8').catch(() => '{}');
  return recipesSchema.parse(JSON.parse(text));
}

/** Bundles that come with the project. */
export async function referenceNames(models = MODELS): Promise<string[]> {
  return Object.keys(await referenceRecipes(models));
}
