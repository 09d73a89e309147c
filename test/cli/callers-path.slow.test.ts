import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Runs a command as pnpm does, in the project's folder, called from another. */
function called(from: string, command: string) {
  const [name, ...args] = command.split(' ');
  const { PORTCULLIS_CALLED_FROM_ELSEWHERE: _, ...env } = process.env;
  return spawnSync(process.execPath, [`cli/${name}.ts`, ...args], { cwd: root, encoding: 'utf8', env: { ...env, INIT_CWD: from } });
}

let elsewhere: string;
beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'portcullis-caller-'));
  await cp(join(root, 'models/mnist'), join(elsewhere, 'mine'), { recursive: true });
  await cp(join(root, 'test/samples/digit-7-a.png'), join(elsewhere, 'seven.png'));
  await writeFile(join(elsewhere, 'shape.json'), '{}');
});
afterAll(() => rm(elsewhere, { recursive: true }));

it('files count from the folder where the command was called', () => {
  const samples = called(join(root, 'test/samples'), 'screen --model mnist digit-7-a.png ../samples/digit-0-a.png');
  expect([samples.status, samples.stdout]).toEqual([0, 'digit-7-a.png: accepted as 7\n../samples/digit-0-a.png: accepted as 0\n']);
  expect(called(elsewhere, 'screen --model ./mine seven.png').stdout).toBe('seven.png: accepted as 7\n');
  expect(called(root, 'screen --model mnist test/samples/digit-7-a.png').stdout).toContain('accepted as 7');
});

/** A use of each option that takes a path, and what tells where it was looked for; `/` stands for the caller's folder. */
const USES: [command: string, told: string][] = [
  ['data inspect --data images --data-dir nothing', '/nothing does not exist'],
  ['data inspect --sheet sheet.png', 'contact sheet: /sheet.png'],
  ['train --data-dir nothing', 'is not in /nothing'],
  ['train --architecture shape.json', 'shape.json does not describe an architecture'],
  ['calibrate --bundle mnist --images nothing', "/nothing can't be read"],
  ['evaluate --model mnist --data-dir nothing', 'is not in /nothing'],
  ['evaluate --model mnist --unknown images --unknown-dir nothing', "/nothing can't be read"],
  ['evaluate --model mnist --out seven.png', '/seven.png is a file'],
  ['evaluate --model mnist --figures nothing/figures.json', 'no folder /nothing'],
  ['reference coil100 --data-dir nothing --only-train', "/nothing can't be read"],
  ['report --run none', 'PROJECT/runs/none is not a run'],
];

describe('every option that takes a path counts from there, and what is printed is usable there', () => {
  it.each(USES)('%s', (command, told) => {
    const { stdout, stderr } = called(elsewhere, command);
    expect(stdout + stderr).toContain(told.replace(/(^| )\//, `$1${elsewhere}/`).replace('PROJECT', root));
  });

  it('every other one is resolved the same way', () => {
    for (const file of readdirSync(join(root, 'cli'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
      const text = readFileSync(join(root, 'cli', file), 'utf8');
      // Python may be a command's name.
      for (const { 0: flag, index } of text.matchAll(/'--(?!python)[a-z-]+ <(?:folder|file|path)s?(?:\.\.\.)?>'/g))
        expect(`${file} ${text.slice(index, index + 260)}`, flag).toContain('callersPath');
    }
  });

  it('the contact sheet is there', () => {
    expect(existsSync(join(elsewhere, 'sheet.png'))).toBe(true);
  });
});
