import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const MODELS = 'models';
/** Names the model that the worker's build takes, the command line too; ignored by git. */
export const ACTIVE_FILE = '.active';
/** Bundles that come with the project, each with the command that makes it. */
const REFERENCE_FILE = 'reference.json';

/** Bundles that come with the project. */
export async function referenceNames(models = MODELS): Promise<string[]> {
  const text = await readFile(join(models, REFERENCE_FILE), 'utf8').catch(() => '{}');
  return Object.keys(JSON.parse(text));
}
