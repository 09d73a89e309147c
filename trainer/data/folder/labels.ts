import { readFile } from 'node:fs/promises';
import { extname, join, normalize, relative } from 'node:path';
import { DataError } from '../dataset.ts';
import type { Entry } from '../image-cache.ts';
import { filesInFolder, isNamedImage } from '../image-files.ts';
import { readCsv } from './csv.ts';
import { counted, type Fault, faultsOf, leftOutFaults } from './fault.ts';

const DEFAULT_FILE = 'labels.csv';
/** Names of the columns, the first of which is told. */
const COLUMNS = {
  file: ['file', 'filename', 'file_name', 'path', 'image', 'id', 'image_id'],
  label: ['label', 'class', 'category', 'target'],
  split: ['split', 'set', 'subset'],
};
const SPLITS: Record<string, OwnSplit> = {
  ...{ train: 'train', training: 'train', test: 'test', testing: 'test' },
  ...{ val: 'validation', valid: 'validation', validation: 'validation', dev: 'validation' },
};

/** Returns the CSV that labels the images of a folder: the one that was named, or labels.csv in it; null where there is none. */
export function labelsFileOf(directory: string, names: readonly string[], labels: string | undefined): string | null {
  return labels ?? (names.includes(DEFAULT_FILE) ? join(directory, DEFAULT_FILE) : null);
}

/**
 * Reads a CSV of file, label and optionally split; paths are relative to the folder, and may lack the ending.
 *
 * @throws DataError where the CSV can't be read, or has no such columns
 */
export async function labelledFiles(directory: string, csv: string): Promise<Layout> {
  const text = await readFile(csv, 'utf8').catch((error) => {
    throw new DataError(`${csv} can't be read (${(error as Error).message})`);
  });
  const rows = readCsv(text, csv);
  const columns = Object.keys(rows[0]?.cells ?? {});
  const column = (name: keyof typeof COLUMNS) => COLUMNS[name].find((other) => columns.includes(other));
  const [fileColumn, labelColumn, splitColumn] = [column('file'), column('label'), column('split')];
  if (fileColumn === undefined || labelColumn === undefined)
    throw new DataError(`${csv} has the columns ${columns.join(', ') || '(none)'}; file and label are needed, and split is allowed`);
  const found = await filesInFolder(directory);
  const paths = new Map(found.files.filter(isNamedImage).map((file) => [file.slice(0, -extname(file).length), file]));
  for (const file of found.files) paths.set(file, file);
  const [missing, twice, wrong]: [string[], string[], string[]] = [[], [], []];
  const labelled = new Map<string, { label: string; split?: OwnSplit }>();
  for (const { line, cells } of rows) {
    const [given, label] = [cells[fileColumn] as string, cells[labelColumn] as string];
    const split = splitColumn === undefined ? undefined : SPLITS[(cells[splitColumn] as string).toLowerCase()];
    const file = paths.get(relative(directory, join(directory, normalize(given))));
    if (label === '' || (splitColumn !== undefined && split === undefined))
      wrong.push(`line ${line}: ${label === '' ? 'no label' : `the split ${cells[splitColumn as string]}`}`);
    else if (file === undefined) missing.push(`line ${line}: ${given}`);
    else if (labelled.has(file)) twice.push(`line ${line}: ${given}`);
    else labelled.set(file, { label, ...(split ? { split } : {}) });
  }
  const classes = [...new Set([...labelled.values()].map(({ label }) => label))].sort();
  const entries = [...labelled].map(([file, { label, ...rest }]): LabelledFile => ({ file, label: classes.indexOf(label), ...rest }));
  const outside = found.files.filter((file) => isNamedImage(file) && !labelled.has(file)).length;
  const { hidden, broken, again } = found;
  const rowsOf = (files: string[]) => `${counted(files.length, 'row')} of ${csv}`;
  const [missingRows, twiceRows] = [`${rowsOf(missing)} name no file in ${directory}`, `${rowsOf(twice)} name a file again`];
  const wrongRows = `${rowsOf(wrong)} have no label, or a split other than ${Object.keys(SPLITS).join(', ')}`;
  const faults = faultsOf([
    [wrong.length, 'serious', wrongRows, 'Correct them', wrong],
    [missing.length, 'serious', missingRows, 'Correct the paths, which count from that folder, or remove the rows', missing],
    [twice.length, 'serious', twiceRows, 'Leave one row for each file', twice],
    [classes.length < 2, 'serious', `${csv} names ${counted(classes.length, 'class')}; two at least are needed`],
    [outside, 'warning', `${counted(outside, 'image')} left out: in no row of ${csv}`],
  ]);
  const leftOut = await leftOutFaults(directory, { hidden, broken, again, others: [], outside: [] });
  return { form: csv, classes, entries, faults: [...faults, ...leftOut] };
}

/** A split that a folder names itself. */
export type OwnSplit = 'train' | 'validation' | 'test';

/** An image file, its label and, where the folder says so, its split. */
export interface LabelledFile extends Entry {
  split?: OwnSplit;
}

/** The images of a folder as they are ordered in it. */
export interface Layout {
  /** Description of this order, for people. */
  form: string;
  classes: string[];
  /** Sorted by label and name. */
  entries: LabelledFile[];
  faults: Fault[];
}
