import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runInProcess } from './run-in-process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

it.each([
  [['--unknown', 'fashion-mnist'], 'fashion-mnist does not come with the project: name the folder that holds it with --unknown-dir'],
  [['--protocol', 'fancy'], 'Allowed choices are quick, table1'],
  [['--shard', '5/4'], '5/4 is not a shard; use PART/OF, for example 1/4 to 4/4 for four'],
  [['--protocol', 'full', '--out', 'x'], '--out takes one protocol; of several each has its own folder'],
  [['--images', '0'], '0 is too small'],
  [['--images', '-1'], '-1 is not a whole number'],
  [['--images', '999999999'], '999999999 is too large; a whole number of 1 to 100000 is needed'],
  [['--figures', 'nowhere/x.json'], 'nowhere for --figures '],
  [['--model', 'fancy'], 'there is no model fancy; in models/ there are: '],
  [['--out', join(import.meta.dirname, '../../package.json')], 'package.json is a file; --out takes a folder'],
])('%j is wrong use', async (args, message) => {
  expect(await runInProcess('evaluate', args, directory)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
});
