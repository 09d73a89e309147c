import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { filesInFolder, isNamedImage, kindOf } from '../../trainer/data/image-files.ts';

/**
 * Yields the files that the arguments name: files as they are, the images in folders and in the folders within them, and for `-` the names
 * on standard input. A name that leads nowhere is yielded too, as its reader says why.
 *
 * @param onLeftOut called with the number of files in folders that are not images by their name
 */
export async function* filesOf(names: Iterable<string>, input: Readable, onLeftOut: (files: number) => void): AsyncGenerator<string> {
  for (const name of names) {
    if (name === '-') for await (const listed of namesIn(input)) yield* filesOf([listed], input, onLeftOut);
    else if ((await kindOf(name)) !== 'folder') yield name;
    else {
      const { files } = await filesInFolder(name);
      const images = files.filter(isNamedImage);
      onLeftOut(files.length - images.length);
      for (const file of images) yield join(name, file);
    }
  }
}

/** Yields the names in a list, one by one. They end with NUL if there is one in its first part (find -print0), else with a newline. */
async function* namesIn(list: Readable): AsyncGenerator<string> {
  let separator: '\0' | '\n' | undefined;
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of list as AsyncIterable<Buffer>) {
    const text = rest + decoder.decode(chunk, { stream: true });
    separator ??= text.includes('\0') ? '\0' : '\n';
    const names = text.split(separator);
    rest = names.pop() as string;
    for (const name of names) yield* nonEmpty(name, separator);
  }
  yield* nonEmpty(rest + decoder.decode(), separator);
}

function* nonEmpty(name: string, separator?: string): Generator<string> {
  const whole = separator === '\0' ? name : name.replace(/\r$/, '');
  if (whole !== '') yield whole;
}
