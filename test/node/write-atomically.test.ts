import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeAtomically } from '../../node/files/write-atomically.ts';

it('a file is whole when it is written several times at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const contents = Array.from({ length: 40 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(contents.map((content) => writeAtomically(join(folder, 'file'), content)));
  expect(contents).toContain(await readFile(join(folder, 'file'), 'utf8'));
  expect(await readdir(folder)).toEqual(['file']);
  await rm(folder, { recursive: true });
});
