import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recipeOfArguments } from '../../cli/training-options.ts';
import { openRun } from '../../trainer/run.ts';
import { runInProcess } from './run-in-process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

const train = (...args: string[]) => runInProcess('train', args, directory);

it.each([
  [['--preset', 'fast'], /Allowed choices are quick, paper/],
  [['--alpha', '2'], /2 is not a share; a number more than 0 and less than 1/],
  [['--epochs', 'many'], /many is not a whole number/],
  [['--resume', 'x', '--seed', '2'], /--seed can't be given with --resume/],
  [['--finish', 'x', '--max-minutes', '2'], /--max-minutes can't be given with --finish/],
  [['--resume', 'x', '--finish', 'x'], /--finish can't be given with --resume/],
  [['--epochs', '0'], /0 is too small; a whole number of 1 or more/],
])('%j is wrong use: exit code 2, and what is allowed', async (args, message) => {
  expect(await train(...args)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
});

it.each([
  [['--data', 'images', '--image-size', '2048'], /2048 is too large; a whole number of 1 to 1024 is needed/],
  [['--max-minutes', '40000'], /40000 is too large; a whole number of 1 to 35000/],
  [['--threads', '100000'], /100000 is too large; a whole number of 1 to 64/],
  [['--strict', 'linf:1'], /linf:1 is not a guarantee; linf:RADIUS with a radius between 0 and 1 is allowed/],
  [['--strict', 'l2:0.1'], /l2:0.1 is not a guarantee/],
  [['--strict', 'linf'], /linf is not a guarantee/],
  [['--strict', 'linf:0.1', '--calibration', 'three-sigma'], /--strict needs --calibration conformal/],
  [['--strict', 'linf:0.1', '--covariance', 'full'], /--strict needs --covariance shared, spherical or diagonal/],
])('%j is more than can be', (args, message) => {
  expect(() => recipeOfArguments(args)).toThrow(expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) }));
});

it('--strict names the guarantee, and none turns it off', () => {
  const strictOf = (...args: string[]) => recipeOfArguments(args).calibration.strict;
  expect(strictOf('--strict', 'linf:0.1')).toEqual({ norm: 'linf', radius: 0.1 });
  expect(strictOf('--strict', 'none')).toBeUndefined();
  expect(strictOf()).toBeUndefined();
});

it('a name that is no folder is refused', async () => {
  for (const option of ['--name', '--resume']) {
    expect(await train(option, '../out/x')).toMatchObject({
      code: 2,
      err: expect.stringContaining('"../out/x" is not a valid name. Allowed are'),
    });
  }
  expect(existsSync(join(directory, 'runs/../out'))).toBe(false);
});

it('data that is not there is named, before a run is made', async () => {
  const { code, err } = await train('--data-dir', directory, '--name', 'none', '--backend', 'wasm');
  expect(code).toBe(1);
  expect(err).toContain(`train-images-idx3-ubyte (plain or .gz) is not in ${directory}`);
  await expect(openRun('none', join(directory, 'runs'))).rejects.toThrow(/is not a run/);
});
