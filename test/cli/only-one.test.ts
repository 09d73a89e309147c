import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { onlyOne } from '../../cli/only-one.ts';

it('of two at once the second is refused, until the first gives way or is gone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const path = join(directory, 'runs', '.lock');
  const unlock = await onlyOne('pnpm demo', path);
  await expect(onlyOne('pnpm demo', path)).rejects.toThrow(`another pnpm demo is at work (process ${process.pid})`);
  await unlock();
  await (await onlyOne('pnpm demo', path))();
  // A process that has ended without giving it back.
  const gone = spawnSync(process.execPath, ['-e', 'process.stdout.write(String(process.pid))']).stdout.toString();
  await writeFile(path, gone);
  await (await onlyOne('pnpm demo', path))();
  expect(await readdir(join(directory, 'runs'))).toEqual([]);
  await rm(directory, { recursive: true });
});
