import { existsSync, readdirSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MODELS } from '../node/bundle/models-folder.ts';
import { chooseModel } from '../shared/bundle/active-model.ts';
import { UsageError } from '../shared/user-error.ts';
import { isHidden, isNamedImage } from '../trainer/data/image-files.ts';

/** Resolves a path that a command is given, which counts from the caller's folder: there is where a command works (`run-command.ts`). */
export const callersPath = (path: string): string => resolve(path);

/** Names of files of the data sets that have a format of their own. */
const OWN_FORMAT = /-ubyte|\.mat$|^obj\d+__/;

/**
 * Refuses a folder of images, or of folders, for a data set that has a format of its own.
 *
 * @throws UsageError
 */
export function checkDataFolder(data: string, folder: string | undefined): void {
  if (folder === undefined || data === 'images' || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const entries = readdirSync(folder, { withFileTypes: true, encoding: 'utf8' }).filter(({ name }) => !isHidden(name));
  const images = entries.filter((entry) => entry.isDirectory() || isNamedImage(entry.name));
  if (images.length < 2 || entries.some(({ name }) => OWN_FORMAT.test(name))) return;
  const names = images.slice(0, 3).map(({ name }) => name);
  throw new UsageError(
    `--data-dir: ${folder} holds folders or images (${names.join(', ')}, …) and no file of ${data}. ` +
      'If these are your own images, add --data images.',
  );
}

/** Returns the folder of a model: a path, a name in models/ or, without either, the active model. @throws UsageError */
export async function resolveModel(given: string | undefined): Promise<string> {
  const { name } = await chooseModel({ '--model': given }, (file) => readFile(join(MODELS, file), 'utf8'));
  const isModel = (directory: string) => existsSync(join(directory, 'screening.json'));
  const found = [name, join(MODELS, name)].find(isModel);
  if (found) return found;
  const names = (await readdir(MODELS).catch(() => [])).filter((entry) => !entry.startsWith('.') && isModel(join(MODELS, entry)));
  throw new UsageError(
    `there is no model ${name}; in models/ there are: ${names.join(', ') || 'none'}. A folder with a screening.json is allowed too.`,
  );
}
