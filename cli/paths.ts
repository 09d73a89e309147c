import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MODELS } from '../node/bundle/models-folder.ts';
import { chooseModel } from '../shared/bundle/active-model.ts';
import { UsageError } from '../shared/user-error.ts';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Resolves a path as the caller of a command means it. pnpm runs the project's commands in the project's folder, wherever it is called;
 * `INIT_CWD` is the caller's folder.
 */
export function callersPath(path: string): string {
  const { INIT_CWD = ROOT } = process.env;
  const isRunByPnpm = resolve(process.cwd()) === ROOT && resolve(INIT_CWD) !== ROOT;
  return isRunByPnpm ? resolve(INIT_CWD, path) : path;
}

/** Returns the folder of a model: a path, a name in models/ or, without either, the active model. @throws UsageError */
export async function resolveModel(given: string | undefined): Promise<string> {
  const { name } = await chooseModel({ '--model': given }, (file) => readFile(join(MODELS, file), 'utf8'));
  const isModel = (directory: string) => existsSync(join(directory, 'screening.json'));
  const found = [name, join(MODELS, name), callersPath(name)].find(isModel);
  if (found) return found;
  const names = (await readdir(MODELS).catch(() => [])).filter((entry) => !entry.startsWith('.') && isModel(join(MODELS, entry)));
  throw new UsageError(
    `there is no model ${name}; in models/ there are: ${names.join(', ') || 'none'}. A folder with a screening.json is allowed too.`,
  );
}
