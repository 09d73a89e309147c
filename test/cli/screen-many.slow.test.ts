import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const FILES = 1200;

let folder: string;
/** Paths of the images, in order. */
let images: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screen-many-'));
  images = Array.from({ length: FILES }, (_, i) => join(folder, 'line 1', String(i % 3), `image-${String(i).padStart(5, '0')}.png`)).sort();
  for (const line of ['0', '1', '2']) await mkdir(join(folder, 'line 1', line), { recursive: true });
  for (const [i, image] of images.entries()) await copyFile(join(root, `test/samples/digit-${i % 10}-a.png`), image);
  // Turned, a 3 is no digit.
  const turned = await sharp(join(root, 'test/samples/digit-3-a.png')).rotate(90).png().toBuffer();
  for (const [i, image] of images.entries()) if (i % 10 === 3) await writeFile(image, turned);
  // One that can't be read, and one that is none.
  await writeFile(images[5] as string, 'no image');
  await writeFile(join(folder, 'line 1', '0', 'notes.txt'), '');
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `pnpm screen` as a process of its own. */
function screen(args: readonly string[], input = '') {
  const command = [join(root, 'cli/screen.ts'), '--model', 'mnist', ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', input, maxBuffer: 1 << 28 });
}

const filesIn = (lines: string) =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).file as string);

it('1,200 files: as arguments, which once overflowed a stack, and as a list on standard input', () => {
  expect(images.join(' ').length).toBeGreaterThan(50_000);
  const given = screen(['--json', ...images]);
  expect([given.status, filesIn(given.stdout)]).toEqual([1, images]);
  const verdicts = given.stdout.trimEnd().split('\n');
  expect(JSON.parse(verdicts[5] as string)).toEqual({
    file: images[5],
    verdict: 'unreadable',
    error: expect.stringContaining('of an unknown kind'),
  });
  expect(JSON.parse(verdicts[7] as string)).toEqual({ file: images[7], verdict: 'accepted', label: '7' });
  const table = given.stderr.slice(given.stderr.indexOf('files '));
  expect(table).toMatch(
    /^files +1200 +100.00 %\naccepted +1\d\d\d .*\nrejected +\d+ .*\n.*latent-distance\nunreadable +1 +0.08 %\n.*unknown kind/s,
  );

  const { status, stdout } = screen(['--json', '-'], `${images.join('\0')}\0`);
  expect([status, stdout]).toEqual([1, given.stdout]);
}, 300_000);

it('a table, a CSV of every file, and a sheet of what was rejected', async () => {
  const [csv, sheet] = [join(folder, 'verdicts.csv'), join(folder, 'rejected.png')];
  const args = ['--csv', csv, '--contact-sheet', sheet, '--quiet'];
  const { status, stdout, stderr } = screen([...args, join(folder, 'line 1'), join(folder, 'none, "such".png')]);
  expect([status, stderr]).toEqual([1, '']);
  expect(stdout).toMatch(
    /^files +1201 .*unreadable +2 .*\n1 files left out: they are not images by their name\ncontact sheet: .*rejected.png\n/s,
  );
  const rows = (await readFile(csv, 'utf8')).trimEnd().split('\r\n');
  expect(rows[0]).toBe('file,verdict,nearest,reason,latentDistance,reconstructionError,relativeError,error');
  expect(rows).toHaveLength(1202);
  expect(rows[8]).toMatch(/image-0\d+.png,accepted,7,,\d+\.\d+,\d+\.\d+,0\.\d+,$/);
  expect(rows.at(-1)).toBe(`"${folder}/none, ""such"".png",unreadable,,,,,,there is no such file (ENOENT)`);
  const [, number, seen] = /row.*: latent-distance, (\d+) of (\d+)/.exec(stdout) as unknown as [string, string, string];
  expect(rows.filter((row) => row.includes(',rejected,'))).toHaveLength(Number(seen));
  const { width, height } = await sharp(sheet).metadata();
  expect([width, height]).toEqual([expect.any(Number), Math.ceil(Number(number) / 16) * 30 - 2]);
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
}, 120_000);

it('nothing to screen is wrong use; a file that is missing is not', async () => {
  await mkdir(join(folder, 'empty'), { recursive: true });
  for (const [args, input] of [
    [[join(folder, 'empty')], ''],
    [['-'], '\n\n'],
  ] as const)
    expect(screen(args, input)).toMatchObject({ status: 2, stderr: expect.stringContaining('there is nothing to screen in') });
  expect(screen([join(folder, 'missing.png')])).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('no such file') });
}, 120_000);
