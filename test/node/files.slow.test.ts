import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder, writeAtomically } from '../../node/files/files.ts';

const root = mkdtempSync(join(tmpdir(), 'portcullis-'));
afterAll(() => rm(root, { recursive: true }));

it('a folder is made with those that it lies in, and where that can not be the reason is told', async () => {
  await makeFolder(join(root, 'a/b/c'));
  await makeFolder(join(root, 'a/b/c'));
  expect(existsSync(join(root, 'a/b/c'))).toBe(true);
  await writeFile(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

// A file system of its own in a namespace of its own; not every machine allows that.
const mounted = (command: string) => spawnSync('sh', ['-c', `unshare -rm sh -c 'mount -t tmpfs -o ro none "$0" && ${command}' "$0"`, root]);
it.skipIf(mounted('true').status !== 0)('a read-only file system is said to be one', () => {
  const cli = join(import.meta.dirname, '../../cli/train.ts');
  const { status, stderr } = mounted(`cd "$0" && "${process.execPath}" "${cli}" --name x`);
  expect([status, String(stderr)]).toEqual([
    1,
    expect.stringMatching(/^error: EROFS: read-only file system.*That file system is read-only/),
  ]);
});

it('a file is whole when it is written several times at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const contents = Array.from({ length: 40 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(contents.map((content) => writeAtomically(join(folder, 'file'), content)));
  expect(contents).toContain(await readFile(join(folder, 'file'), 'utf8'));
  expect(await readdir(folder)).toEqual(['file']);
  await rm(folder, { recursive: true });
});
