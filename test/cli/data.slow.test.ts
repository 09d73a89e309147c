import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';

it('pnpm data inspect counts every image once and draws a row for each class', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const cli = join(import.meta.dirname, '../../cli/data.ts');
  const { stdout, status } = spawnSync(process.execPath, [cli, 'inspect', '--json', '--no-time'], { cwd: directory, encoding: 'utf8' });
  expect(status).toBe(0);
  const { counts, sheet } = JSON.parse(stdout) as { counts: Record<string, number>[]; sheet: string };
  const all = (split: string) => counts.reduce((sum, row) => sum + (row[split] as number), 0);
  expect(['train', 'validation', 'tune', 'calibration', 'test'].map(all)).toEqual([50_000, 2500, 2500, 5000, 10_000]);
  const { width, height } = await sharp(await readFile(join(directory, sheet))).metadata();
  expect([width, height]).toEqual([112 + 16 * 30 - 2, 10 * 30 - 2]);
  await rm(directory, { recursive: true });
});
