import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyTraining } from '../trainer/tiny-dataset.ts';
import { runInProcess } from './run-in-process.ts';

const repository = join(import.meta.dirname, '../..');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function evaluate(...args: string[]) {
  const { code, err } = await runInProcess('evaluate', args, directory);
  return [code, err];
}

it('measures what was asked, says it and keeps it', async () => {
  const bundle = join(repository, 'models/mnist');
  await cp(bundle, join(directory, 'models/digits'), { recursive: true });
  const args = ['--model', 'digits', '--protocol', 'fooling', '--images', '1', '--backend', 'wasm', '--threads', '2'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(repository, 'cli/evaluate.ts'), ...args], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^1 job; .* at most on 1 thread, wasm/)]);
  const [, accepted] = /Eq. 11, each class +10 +0\.00 \/ +([\d.]+) \//.exec(stdout) ?? [];
  const folder = /report: (\S+)\/report.html/.exec(stdout)?.[1] as string;
  const report = JSON.parse(await readFile(join(directory, folder, 'report.json'), 'utf8'));
  expect(report.parts[0].acceptedWrong.count).toBe(Math.round((Number(accepted) * 10) / 100));
  const { evidence } = JSON.parse(await readFile(join(directory, 'models/digits/screening.json'), 'utf8'));
  expect(evidence.at(-1)).toMatchObject({ name: 'Eq. 11, each class', protocol: 'fooling, seed 1', images: 10, acceptedRight: 0 });
}, 120_000);

it('two at once into one folder are one too many; what a killed one left is taken over', async () => {
  const args = [
    '--model',
    join(repository, 'models/mnist'),
    '--protocol',
    'table1',
    '--images',
    '10',
    '--backend',
    'wasm',
    '--dry',
    '--out',
    'one',
  ];
  await mkdir(join(directory, 'one'));
  await writeFile(join(directory, 'one/.1-of-1.lock'), `${process.ppid}-x`);
  expect(await evaluate(...args)).toEqual([2, expect.stringMatching(/another evaluation into .*one is running \(process \d+\)/)]);
  // Above what Linux gives.
  await writeFile(join(directory, 'one/.1-of-1.lock'), '99999999-x');
  expect(await evaluate(...args)).toEqual([0, expect.anything()]);
  expect((await readdir(join(directory, 'one'))).filter((file) => file.includes('lock'))).toEqual([]);
});

it('a run that has the name of a bundle but did not make it says nothing of its data', async () => {
  await cp(join(repository, 'models/coil100'), join(directory, 'models/things'), { recursive: true });
  const { classes, provenance } = JSON.parse(await readFile(join(directory, 'models/things/screening.json'), 'utf8'));
  const config = {
    ...{ name: 'things', portcullis: '0', dataset: 'mnist', dataDir: null, classes, input: { height: 28, width: 28, channels: 1 } },
    ...{ checksums: provenance.data, preset: 'quick', training: tinyTraining, seed: 1, backend: 'none' },
    ...{ started: '2026-01-01T00:00:00.000Z', epochs: 1, status: 'calibrated' },
  };
  await mkdir(join(directory, 'runs/things'), { recursive: true });
  await writeFile(join(directory, 'runs/things/config.json'), JSON.stringify(config));
  expect(await evaluate('--model', 'things')).toEqual([
    2,
    expect.stringMatching(/^error: coil-100 does not come with the project: name the folder/),
  ]);
});
