import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** A command as pnpm runs it, which is in the project's folder, called from another. */
const called = (from: string, args: string[]) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, INIT_CWD: from } });

it('a path counts from the folder where the command was called', async () => {
  const screen = called(join(root, 'test/samples'), ['cli/screen.ts', '--model', 'mnist', 'digit-7-a.png', '../samples/digit-0-a.png']);
  expect([screen.status, screen.stdout]).toEqual([0, 'digit-7-a.png: accepted as 7\n../samples/digit-0-a.png: accepted as 0\n']);
  expect(called(root, ['cli/screen.ts', '--model', 'mnist', 'test/samples/digit-7-a.png']).stdout).toContain('accepted as 7');
});

it('so does a folder of a model, and one of images', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'portcullis-caller-'));
  try {
    await cp(join(root, 'models/mnist'), join(elsewhere, 'mine'), { recursive: true });
    await cp(join(root, 'test/samples/digit-7-a.png'), join(elsewhere, 'seven.png'));
    expect(called(elsewhere, ['cli/screen.ts', '--model', './mine', 'seven.png']).stdout).toBe('seven.png: accepted as 7\n');
    const inspect = called(elsewhere, ['cli/data.ts', 'inspect', '--data', 'images', '--data-dir', 'nothing']);
    expect(inspect.stderr).toContain(`${join(elsewhere, 'nothing')} can't be read`);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
  expect(relative(root, elsewhere).startsWith('..')).toBe(true);
});
