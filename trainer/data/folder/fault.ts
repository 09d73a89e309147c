/** Something about a folder of images that its owner should know. */
export interface Fault {
  /** Training refuses a folder with a serious fault. */
  severity: 'serious' | 'warning' | 'note';
  what: string;
  todo?: string;
  /** The files that it is about, relative to the folder, some with a reason. */
  files?: readonly string[];
}

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
