import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesOf } from '../../cli/screen/file-list.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  await mkdir(join(folder, 'photos/deeper'), { recursive: true });
  for (const file of ['b.png', 'a.JPG', 'notes.txt', '.hidden.png', 'deeper/c.webp', 'deeper/d.heic'])
    await writeFile(join(folder, 'photos', file), '');
});
afterAll(() => rm(folder, { recursive: true }));

/** Lists the files that names mean, and the number of those left out. */
async function list(names: string[], chunks: Uint8Array[] = []) {
  const files: string[] = [];
  let leftOut = 0;
  for await (const file of filesOf(names, Readable.from(chunks), (others) => {
    leftOut += others;
  }))
    files.push(file);
  return { files, leftOut };
}

it('a folder stands for the images in it and in the folders within it, any other name for itself', async () => {
  const photos = join(folder, 'photos');
  expect(await list(['none.png', photos, join(photos, 'notes.txt')])).toEqual({
    files: [
      'none.png',
      ...['a.JPG', 'b.png', 'deeper/c.webp', 'deeper/d.heic'].map((file) => join(photos, file)),
      join(photos, 'notes.txt'),
    ],
    leftOut: 1,
  });
});

it.each([
  ['lines', 'a.png\nb c.png\n'],
  ['lines without an end', 'a.png\n\nb c.png'],
  ['lines of Windows', 'a.png\r\nb c.png\r\n'],
  ['names ended by NUL', 'a.png\0b c.png\0'],
])('a list on standard input: %s', async (_, text) => {
  expect((await list(['-'], [Buffer.from(text)])).files).toEqual(['a.png', 'b c.png']);
});

it('a name may hold a newline where names end with NUL', async () => {
  expect((await list(['-'], [Buffer.from('a\nb.png\0c.png\0')])).files).toEqual(['a\nb.png', 'c.png']);
});

it('folders in a list are walked too', async () => {
  expect((await list(['-'], [Buffer.from(join(folder, 'photos', 'deeper'))])).files).toHaveLength(2);
});

it('chunks may end anywhere, also within a letter', async () => {
  const names = ['größe 1.png', '文字/二.jpg', 'x.png'];
  const bytes = Buffer.from(`${names.join('\n')}\n`);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      expect((await list(['-'], chunks)).files).toEqual(names);
    }),
  );
});
