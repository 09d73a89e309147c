import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isRunning } from '../../node/processes/is-running.ts';
import { tinyTraining } from '../trainer/tiny-dataset.ts';
import { runInProcess } from './run-in-process.ts';

const repository = join(import.meta.dirname, '../..');
const cli = join(repository, 'cli/export.ts');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  await cp(join(repository, 'models/mnist'), join(directory, 'models/mnist'), { recursive: true });
  const { provenance, classes, input } = JSON.parse(await readFile(join(directory, 'models/mnist/screening.json'), 'utf8'));
  const config = {
    ...{ name: 'digits', portcullis: '0', dataset: 'mnist', dataDir: null, imageSize: null, channels: null },
    ...{
      classes,
      input,
      checksums: provenance.data,
      preset: 'quick',
      seed: 1,
      backend: 'none',
      started: provenance.trained,
      epochs: 1,
      status: 'trained',
    },
    training: tinyTraining,
  };
  await mkdir(join(directory, 'runs/digits'), { recursive: true });
  await writeFile(join(directory, 'runs/digits/config.json'), JSON.stringify(config));
  await writeFile(join(directory, 'runs/digits/splits.json'), JSON.stringify({ validation: [0, 1] }));
});
afterAll(() => rm(directory, { recursive: true }));

async function exported(args: string[], env: Record<string, string> = {}) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const { code, out, err } = await runInProcess('export', args, directory);
  vi.unstubAllEnvs();
  return { status: code, stdout: out, stderr: err };
}

const via = ['--via', 'tf2onnx', '--run', 'digits', '--name', 'mnist'];

it.each([
  [['--via', 'onnxmltools'], 2, /Allowed choices are tf2onnx/],
  [['--python', 'python3'], 2, /--python belongs to --via tf2onnx/],
  [[...via, '--search', '3x3'], 2, /writes no bundle; it takes only --run, --name, --python and --json/],
  [[...via, '--reference'], 2, /writes no bundle/],
  [['--via', 'tf2onnx', '--run', 'digits'], 2, /there is no models\/digits to compare with. Make it first \(pnpm export --run digits\)/],
  [[...via, '--python', 'nowhere/python'], 1, /nowhere\/python is no Python that can be run/],
  [[...via, '--python', 'true'], 1, /true is no Python that can be run/],
])('%j is refused, and nothing is made', async (args, code, message) => {
  const { status, stderr } = await exported(args);
  expect([status, stderr]).toEqual([code, expect.stringMatching(message)]);
  expect(stderr).not.toMatch(/\n +at /);
  expect(await readdir(join(directory, 'runs/digits'))).toEqual(['config.json', 'splits.json']);
});

describe('without what it needs', () => {
  /** A folder for the PATH with these programs. */
  async function path(name: string, programs: Record<string, string>): Promise<string> {
    const folder = join(directory, name);
    await mkdir(folder);
    for (const [program, script] of Object.entries(programs)) await writeFile(join(folder, program), script, { mode: 0o755 });
    return folder;
  }

  it('no Python, or another than 3.11, is said', async () => {
    expect(await exported(via, { PATH: await path('empty', {}) })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/error: Python 3\.11 is needed, on the PATH as python3\.11, python3, python; there is none/),
    });
    const old = await path('old', { python3: '#!/bin/sh\necho 3.9\n' });
    expect((await exported(via, { PATH: old })).stderr).toMatch(/Python 3\.11 is needed, .*; python3 is 3\.9\./);
  });

  const python = ['python3.11', 'python3'].find((name) =>
    /^Python 3\.11/.test(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout),
  );

  it.skipIf(!python)('a Python without the packages, and pip without an index, are said; what was half made is begun anew', async () => {
    const named = await exported([...via, '--python', python as string], { PYTHONPATH: '', PYTHONNOUSERSITE: '1' });
    // On a machine that happens to have them all it would go on to the conversion, of a run that has no model.
    expect([named.status, named.stderr]).toEqual([1, expect.stringMatching(/lacks .*tf2onnx.*leave --python out|could not convert/)]);
    // pip may not look anywhere.
    const nowhere = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '', PIP_CONFIG_FILE: '/dev/null' };
    for (const json of [[], ['--json']]) {
      const { status, stdout, stderr } = await exported([...via, ...json], nowhere);
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/making a Python environment in .*2\.6 GB[\s\S]*pip could not install/);
    }
  });

  it('Ctrl-C ends what it started, with 130, and leaves nothing beside the run', async () => {
    // Answers as a whole environment would, then converts for a minute.
    const slow =
      '#!/bin/sh\ncase "$1$2" in *version_info*) echo 3.11; exit;; -c*) exit;; esac\necho $$ > "$3/../../converting"\nsleep 60\n';
    const child = spawn(process.execPath, [cli, ...via, '--python', join(await path('slow', { python: slow }), 'python')], {
      cwd: directory,
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const started = join(directory, 'runs/converting');
    const hasStarted = async () => existsSync(started) && (await readFile(started, 'utf8')) !== '';
    while (child.exitCode === null && !(await hasStarted())) await new Promise((resolve) => setTimeout(resolve, 50));
    const converter = Number(await readFile(started, 'utf8'));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(isRunning(converter)).toBe(false);
    expect(await readdir(join(directory, 'runs/digits'))).toEqual(['config.json', 'splits.json']);
  });
});
