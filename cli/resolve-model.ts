import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ACTIVE_FILE, MODELS } from '../node/bundle/models-folder.ts';
import { UsageError } from '../shared/user-error.ts';
import { callersPath } from './callers-path.ts';

/** Folder of a model: a path, a name in models/, or (without either) the active model, else the reference `mnist`. */
export async function resolveModel(given: string | undefined): Promise<string> {
  const active = (await readFile(join(MODELS, ACTIVE_FILE), 'utf8').catch(() => '')).trim();
  const name = given ?? (active || 'mnist');
  const found = [name, join(MODELS, name), callersPath(name)].find((directory) => existsSync(join(directory, 'screening.json')));
  if (found) return found;
  const entries = await readdir(MODELS).catch(() => [] as string[]);
  const names = entries.filter((entry) => !entry.startsWith('.') && existsSync(join(MODELS, entry, 'screening.json')));
  throw new UsageError(
    `there is no model ${name}; in models/ there are: ${names.join(', ') || 'none'}. A folder with a screening.json is allowed too.`,
  );
}
