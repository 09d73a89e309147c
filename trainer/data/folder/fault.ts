import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { kindOfFile } from '../../../shared/images/formats.ts';
import { isReadInTraining } from '../training-formats.ts';
/** Something about a folder of images that its owner should know. */
export interface Fault {
  /** Training refuses a folder with a serious fault. */
  severity: 'serious' | 'warning' | 'note';
  what: string;
  todo?: string | undefined;
  /** The files that it is about, relative to the folder, some with a reason. */
  files?: readonly string[] | undefined;
}

/** A fault that may not be there: it is where the first is true, or a count above 0. */
export type PossibleFault = [
  isThere: boolean | number,
  severity: Fault['severity'],
  what: string,
  todo?: string,
  files?: readonly string[],
];

/** Returns those of the faults that are there. */
export const faultsOf = (possible: readonly PossibleFault[]): Fault[] =>
  possible.flatMap(([isThere, severity, what, todo, files]) => (isThere ? [{ severity, what, todo, files }] : []));

/** Files that are named in a text. */
const MOST_NAMED = 10;

/** Writes a fault as lines of text: what it is, what to do, and its first files. */
export function faultText({ what, todo, files = [] }: Fault): string {
  const more = files.length > MOST_NAMED ? [`  … and ${files.length - MOST_NAMED} more`] : [];
  return [todo ? `${what}. ${todo}` : what, ...files.slice(0, MOST_NAMED).map((file) => `  ${file}`), ...more].join('\n');
}

/** Returns a count with its noun: `1 image`, `3 images`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;

/** Returns the first of some names, separated by commas. */
export function named(names: readonly string[]): string {
  return `${names.slice(0, MOST_NAMED).join(', ')}${names.length > MOST_NAMED ? ', …' : ''}`;
}

/** Files and folders that are not read; paths are relative to the folder. */
export interface LeftOut {
  /** Number of hidden files and folders. */
  hidden: number;
  /** Links that lead nowhere, and anything that is neither a file nor a folder. */
  broken: string[];
  /** Links to folders that were read already, such as a parent. */
  again: string[];
  /** Files that are not images by their name. */
  others: string[];
  /** Images that lie in no class folder. */
  outside: string[];
}

/** Returns a fault for each kind of files that are left out. Reads the first bytes of those that are not images by their name. */
export async function leftOutFaults(directory: string, { hidden, broken, again, others, outside }: LeftOut): Promise<Fault[]> {
  const misnamed: string[] = [];
  for (const file of others) {
    const format = kindOfFile(await firstBytes(join(directory, file)));
    if (format !== null && isReadInTraining(format)) misnamed.push(`${file}: a ${format}`);
  }
  const rest = others.length - misnamed.length;
  const images = (files: string[]) => counted(files.length, 'image');
  const [lost, twice] = ['links that lead nowhere, or not files', 'links to a parent, or to a folder that was read already'];
  const misnaming = `${images(misnamed)} left out, because their names do not end as those of images`;
  return faultsOf([
    [misnamed.length, 'warning', misnaming, "Give them the format's ending, such as .png", misnamed],
    [outside.length, 'warning', `${images(outside)} left out: in no class folder`, "Move them into their classes' folders", outside],
    [broken.length, 'warning', `${counted(broken.length, 'path')} left out: ${lost}`, 'Remove them, or mend the links', broken],
    [again.length, 'warning', `${counted(again.length, 'folder')} left out: ${twice}`, 'Remove the links', again],
    [rest, 'note', `${counted(rest, 'file')} left out: not images by their name`],
    [hidden, 'note', `${hidden} hidden files and folders left out (.thumbnails, __MACOSX and the like)`],
  ]);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path).catch(() => null);
  if (!file) return new Uint8Array();
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
