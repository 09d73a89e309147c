import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../dataset.ts';
import { filesInFolder, isHidden, isNamedImage, kindOf } from '../image-files.ts';
import { counted, type Fault, faultsOf, type LeftOut, leftOutFaults, named } from './fault.ts';
import { type LabelledFile, type Layout, labelledFiles, labelsFileOf, type OwnSplit } from './labels.ts';

const SPLIT_FOLDERS: Record<OwnSplit, string[]> = {
  train: ['train', 'training'],
  validation: ['val', 'validation', 'valid', 'dev'],
  test: ['test', 'testing'],
};
const splitOf = (folder: string) =>
  (Object.keys(SPLIT_FOLDERS) as OwnSplit[]).find((split) => SPLIT_FOLDERS[split].includes(folder.toLowerCase()));

/**
 * Finds the images of a folder, their classes and, where it has them, its own splits: by a CSV of file and label, by folders named train,
 * val and test with class folders in them, or by a folder for each class.
 *
 * @param labels the CSV; by default `labels.csv` in the folder, where there is one
 * @throws DataError where nothing can be read
 */
export async function layoutOf(directory: string, labels?: string): Promise<Layout> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    const why = { ENOENT: 'does not exist', ENOTDIR: 'is a file' }[error.code ?? ''] ?? `can't be read (${error.code})`;
    throw new DataError(`${directory} ${why}; a folder with a folder of images for each class is needed`);
  });
  const file = labelsFileOf(directory, names, labels);
  if (file !== null) return sorted(await labelledFiles(directory, file));
  const leftOut: LeftOut = { hidden: names.filter(isHidden).length, broken: [], again: [], others: [], outside: [] };
  const folders: string[] = [];
  for (const name of names.sort())
    if (!isHidden(name)) {
      const kind = await kindOf(join(directory, name));
      if (kind === 'folder') folders.push(name);
      else if (kind === 'broken') leftOut.broken.push(name);
      else leftOut[isNamedImage(name) ? 'outside' : 'others'].push(name);
    }
  const training = folders.find((name) => splitOf(name) === 'train');
  const isSplit = training !== undefined && (await foldersIn(join(directory, training))).length > 0;
  const layout = await (isSplit ? splitFolders : classFolders)(directory, folders, leftOut);
  return sorted({ ...layout, faults: [...layout.faults, ...(await leftOutFaults(directory, leftOut))] });
}

/** Reads a folder for each class. */
async function classFolders(directory: string, folders: string[], leftOut: LeftOut): Promise<Layout> {
  const entries: LabelledFile[] = [];
  for (const [label, name] of folders.entries()) entries.push(...(await imagesIn(directory, name, label, leftOut)));
  const only = folders.length === 1 ? join(directory, folders[0] as string) : null;
  const isWrapped = only !== null && (await foldersIn(only)).length > 1;
  const faults = faultsOf([
    [isWrapped, 'serious', `${directory} holds one folder, ${folders[0]}, with the others in it`, `Name that one: --data-dir ${only}`],
    [
      folders.length < 2 && !isWrapped,
      'serious',
      `${directory} has ${counted(folders.length, 'folder')}; one for each class is needed, two at least`,
      'Put the images of each class in a folder of its name, or list them in a CSV of file,label (labels.csv, or --labels FILE)',
    ],
  ]);
  return { form: 'a folder for each class', classes: folders, entries, faults };
}

/** Reads folders named for splits, each with a folder for each class in it. */
async function splitFolders(directory: string, folders: string[], leftOut: LeftOut): Promise<Layout> {
  const faults: Fault[] = [];
  const parts: { folder: string; split: OwnSplit; own: string[] }[] = [];
  for (const folder of folders) {
    const split = splitOf(folder);
    const own = await foldersIn(join(directory, folder));
    if (split && own.length > 0) parts.push({ folder, split, own });
    else if (split)
      faults.push({
        severity: 'warning',
        what: `${folder} is left out: its images are not in class folders`,
        todo: `Sort them into a folder for each class as in the others, or list all images in a CSV of file,label,split (--labels FILE)`,
      });
    else
      faults.push({
        severity: 'serious',
        what: `${folder} is next to folders that are splits (${folders.filter(splitOf).join(', ')})`,
        todo: 'Move it away. If these are classes, not splits, say so with a CSV of file,label (--labels FILE)',
      });
  }
  const twice = parts.filter(({ split }, i) => parts.findIndex((part) => part.split === split) < i);
  for (const { folder, split } of twice)
    faults.push({ severity: 'serious', what: `${folder} is a second folder of ${split} images`, todo: 'Join the two' });
  const classes = [...new Set(parts.flatMap(({ own }) => own))].sort();
  const entries: LabelledFile[] = [];
  for (const { folder, split, own } of parts) {
    const missing = classes.filter((name) => !own.includes(name));
    const without = `${folder} has no folder for ${counted(missing.length, 'class')}: ${named(missing)}`;
    if (missing.length > 0) faults.push({ severity: split === 'train' ? 'serious' : 'warning', what: without, todo: 'Add images of them' });
    for (const name of own)
      for (const entry of await imagesIn(directory, join(folder, name), classes.indexOf(name), leftOut)) entries.push({ ...entry, split });
    const loose = (await readdir(join(directory, folder))).filter((name) => !isHidden(name) && isNamedImage(name));
    leftOut.outside.push(...loose.map((name) => join(folder, name)));
  }
  if (classes.length < 2)
    faults.push({ severity: 'serious', what: `${directory} has ${counted(classes.length, 'class')}; two at least are needed` });
  return { form: `splits in ${parts.map(({ folder }) => folder).join(', ')}, a folder for each class in them`, classes, entries, faults };
}

/** Lists the images of a class folder, and notes what is left out. */
async function imagesIn(directory: string, folder: string, label: number, leftOut: LeftOut): Promise<LabelledFile[]> {
  const found = await filesInFolder(join(directory, folder));
  const within = (files: string[]) => files.map((file) => join(folder, file));
  leftOut.others.push(...within(found.files.filter((file) => !isNamedImage(file))));
  leftOut.broken.push(...within(found.broken));
  leftOut.again.push(...within(found.again));
  leftOut.hidden += found.hidden;
  return within(found.files.filter(isNamedImage)).map((file) => ({ file, label }));
}

async function foldersIn(directory: string): Promise<string[]> {
  const folders: string[] = [];
  for (const name of (await readdir(directory)).sort())
    if (!isHidden(name) && (await kindOf(join(directory, name))) === 'folder') folders.push(name);
  return folders;
}

function sorted(layout: Layout): Layout {
  layout.entries.sort((a, b) => a.label - b.label || (a.file < b.file ? -1 : 1));
  return layout;
}
