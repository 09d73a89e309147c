import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { FORMATS } from '../../shared/images/formats.ts';

/** File names that are taken for images; formats that are not supported are reported as refused. */
const EXTENSIONS = [
  ...FORMATS.flatMap(({ extensions }) => extensions),
  ...['.gif', '.bmp', '.tif', '.tiff', '.heic', '.heif', '.avif', '.jxl', '.jp2'],
];

/** Says whether a file is an image by its name. */
export const isNamedImage = (file: string): boolean => EXTENSIONS.includes(extname(file).toLowerCase());

/** Folders that systems and editors put beside images, in lower case. */
const SYSTEM_FOLDERS = [
  ...['__macosx', '@eadir', '#recycle', '$recycle.bin', 'system volume information', 'lost+found'],
  ...['__pycache__', 'node_modules'],
];

/** Says whether a name is that of a hidden file or folder, or of one that a system or an editor made. */
export const isHidden = (name: string): boolean => name.startsWith('.') || SYSTEM_FOLDERS.includes(name.toLowerCase());

/** The files of a folder and of the folders in it. */
export interface FilesInFolder {
  /** Paths relative to the folder, sorted. */
  files: string[];
  /** Links that lead nowhere, and anything that is neither a file nor a folder. */
  broken: string[];
  /** Links to folders that were read already, such as a parent. */
  again: string[];
  /** Number of hidden files and folders. */
  hidden: number;
}

/**
 * Lists all files in a folder and in the folders within it. Follows links to files and folders; a link to a parent,
 * or to a folder that was read already, is left out. Skips what is hidden.
 *
 * @throws Error with `code` where a folder can't be read
 */
export async function filesInFolder(directory: string): Promise<FilesInFolder> {
  const seen = new Set<string>();
  const found: FilesInFolder = { files: [], broken: [], again: [], hidden: 0 };
  const walk = async (folder: string, parent: string): Promise<void> => {
    const real = await realpath(join(directory, folder));
    if (seen.size === seen.add(real).size || `${parent}${sep}`.startsWith(`${real}${sep}`)) {
      found.again.push(folder);
      return;
    }
    for (const entry of (await readdir(real, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isHidden(entry.name)) {
        found.hidden += 1;
        continue;
      }
      const path = join(folder, entry.name);
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : await kindOf(join(directory, path));
      if (kind === 'folder') await walk(path, real);
      else found[kind === 'file' ? 'files' : 'broken'].push(path);
    }
  };
  await walk('', '');
  return found;
}

/** Follows a path: `broken` is a link to nothing, or something that is neither a file nor a folder. */
export async function kindOf(path: string): Promise<'file' | 'folder' | 'broken'> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : 'broken';
}

/** Files of a folder that are not used. */
interface LeftOut {
  /** Number of files that are images by their name. */
  images: number;
  unreadable?: readonly { file: string; why: string }[];
  broken?: readonly string[];
  hidden?: number;
}

/** Returns notes for the user on the files that are left out. The worker refuses the unreadable ones too. */
export function notesOnLeftOut({ images, unreadable = [], broken = [], hidden = 0 }: LeftOut): string[] {
  return [
    ...(unreadable.length > 0 ? [`${unreadable.length} of ${images} images left out, which the worker would refuse too:`] : []),
    ...unreadable.map(({ file, why }) => `${file} left out: ${why}`),
    ...broken.map((path) => `${path} left out: it is a link that leads nowhere, or not a file`),
    ...(hidden > 0 ? [`${hidden} hidden files and folders left out (.thumbnails, __MACOSX and the like)`] : []),
  ];
}
