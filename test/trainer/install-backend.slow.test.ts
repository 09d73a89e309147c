import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { backendsFolder } from '../../node/installations/installation-record.ts';
import { chooseBackend, useBackendAgain } from '../../trainer/backend/backends.ts';
import { checkCompiler } from '../../trainer/backend/install/compile-binding.ts';
import { installLibraries, removeBackends } from '../../trainer/backend/install/install.ts';
import { type Manifest, manifestFor } from '../../trainer/backend/install/manifests.ts';
import { checkPip } from '../../trainer/backend/install/pip.ts';
import { findInstallations } from '../../trainer/backend/installations.ts';
import { tinyWheel } from './tiny-wheel.ts';

let root: string;
let index: string;
let manifest: Manifest;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  index = join(root, 'index');
  await mkdir(index);
  manifest = tinyWheel(index, 'tiny_tf', {
    'tensorflow/libtensorflow_cc.so.2': 1000,
    'tensorflow/include/c_api.h': 10,
    'tensorflow/python/large.so': 5000,
  });
  // pip itself fetches, from a folder in the place of the package index.
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', index);
});
afterEach(() => vi.stubEnv('PATH', pathBefore));
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});
const pathBefore = process.env.PATH;

const install = (what: Manifest, folder: string, said: string[] = []) =>
  installLibraries(what, { folder, output: 'kept', say: (line) => said.push(line) });

const installed = (folder: string) => findInstallations(folder).filter(({ origin }) => origin === 'installed');

describe('pnpm backend install', () => {
  it('fetches by pip, keeps what is needed, and does nothing a second time', async () => {
    const folder = join(root, 'fine');
    const directory = await install(manifest, folder);
    expect(readdirSync(folder)).toEqual([manifest.name]);
    expect(statSync(join(directory, 'tensorflow/libtensorflow_cc.so.2')).size).toBe(1000);
    expect(existsSync(join(directory, 'tensorflow/python'))).toBe(false);
    const said: string[] = [];
    expect(await install(manifest, folder, said)).toBe(directory);
    expect(said.join()).toMatch(/is unpacked already/);
  });

  it('mends an installation of which a file was cut off', async () => {
    const folder = join(root, 'cut');
    const directory = await install(manifest, folder);
    const library = join(directory, 'tensorflow/libtensorflow_cc.so.2');
    await truncate(library, 10);
    expect(installed(folder)[0]?.fault).toMatch(/libtensorflow_cc.so.2 is missing or its size has changed/);
    await install(manifest, folder);
    expect(statSync(library).size).toBe(1000);
  });

  it('refuses a wheel that is not the one that was checked', async () => {
    const folder = join(root, 'other');
    const wheels = manifest.wheels.map((wheel) => ({ ...wheel, sha256: '0'.repeat(64) }));
    await expect(install({ ...manifest, wheels }, folder)).rejects.toThrow(/is not the one that was checked.*Nothing was installed/);
    expect(installed(folder)).toEqual([]);
  });

  it('fetches a download anew that is only half there', async () => {
    const folder = join(root, 'half');
    const [wheel] = readdirSync(index) as [string];
    await mkdir(join(folder, 'downloads'), { recursive: true });
    await writeFile(join(folder, 'downloads', wheel), (await readFile(join(index, wheel))).subarray(0, 300));
    await install(manifest, folder);
    expect(installed(folder)).toHaveLength(1);
  });

  it('says what to do where the index has it not, and where the wheel has not what is needed', async () => {
    const wheels = manifest.wheels.map((wheel) => ({ ...wheel, requirement: 'tiny_tf==2.0' }));
    await expect(install({ ...manifest, wheels }, join(root, 'none'))).rejects.toThrow(/tiny_tf==2.0: the index .* does not have it/);
    const libraries = ['tensorflow/libother.so'];
    await expect(install({ ...manifest, libraries }, join(root, 'lacks'))).rejects.toThrow(/the wheel has no tensorflow\/libother.so/);
    expect(installed(join(root, 'lacks'))).toEqual([]);
  });

  it('says before it fetches that the disk is too small', async () => {
    await expect(install({ ...manifest, unpacked: 1e18 }, join(root, 'full'))).rejects.toThrow(/MB are free. Free some space/);
    expect(readdirSync(join(root, 'full'))).toEqual([]);
  });

  it('killed while unpacking, leaves nothing that looks whole, and goes on from the download', async () => {
    const folder = join(root, 'killed');
    const large = tinyWheel(index, 'large_tf', { 'tensorflow/libtensorflow_cc.so.2': 300 << 20, 'tensorflow/include/c_api.h': 10 });
    const child = spawn(process.execPath, [join(import.meta.dirname, 'install-libraries-process.ts'), JSON.stringify(large), folder]);
    await said(child, 'unpacking');
    await vi.waitFor(() => expect(readdirSync(folder).some((name) => name.endsWith('.tmp'))).toBe(true), { timeout: 20_000, interval: 5 });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(installed(folder)).toEqual([]);
    expect(readdirSync(join(folder, 'downloads')).some((name) => name.startsWith('large_tf'))).toBe(true);

    // Without the index: only the download can serve.
    vi.stubEnv('PIP_FIND_LINKS', join(folder, 'downloads'));
    await install(large, folder);
    vi.stubEnv('PIP_FIND_LINKS', index);
    expect(installed(folder)).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([large.name]);
  });

  it('says what is missing without Python, without pip and without a compiler', async () => {
    vi.stubEnv('PATH', join(root, 'no-such-folder'));
    await expect(checkPip()).rejects.toThrow(/there is no python3.*apt install python3-pip/);
    await expect(checkCompiler()).rejects.toThrow(/there is no g\+\+.*apt install g\+\+/);
    const bare = join(root, 'bare');
    await mkdir(bare);
    await writeFile(join(bare, 'python3'), '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n', { mode: 0o755 });
    vi.stubEnv('PATH', bare);
    await expect(checkPip()).rejects.toThrow(/has no pip.*ensurepip/);
  });

  it('says for which machines there are libraries', () => {
    expect(() => manifestFor('cpu', 'win32', 'x64')).toThrow(
      /no build of TensorFlow for win32 x64; there is for linux-x64, linux-arm64, darwin-arm64/,
    );
    expect(() => manifestFor('gpu', 'linux', 'arm64')).toThrow(/no CUDA build of TensorFlow for linux arm64; there is for linux-x64 /);
    expect(manifestFor('cpu', 'darwin', 'arm64').libraries[0]).toMatch(/dylib$/);
  });
});

it('a relative PORTCULLIS_CACHE is one from where the command is run', () => {
  vi.stubEnv('PORTCULLIS_CACHE', 'here');
  expect(backendsFolder()).toBe(join(process.cwd(), 'here', 'backends'));
});

describe('a library that does not load', () => {
  it.each([
    ['is no library', (path: string) => writeFile(path, 'nonsense'), /file too short|invalid ELF header/],
    // As a disk that failed leaves it: the process that maps it ends by a signal.
    ['is cut off', (path: string) => copyCut(path), /./],
  ])('and %s costs auto nothing but the speed, and is told to who asked for it', async (_, make, why) => {
    const binding = join(root, `binding-${crypto.randomUUID()}.node`);
    await make(binding);
    const broken = { directory: '/somewhere', origin: 'installed' as const, kind: 'cpu' as const, binding, fault: null };
    const auto = await chooseBackend('auto', [broken]);
    expect(auto).toMatchObject({ name: 'wasm' });
    expect(auto.why).toMatch(/cuda is not installed.*native does not work: \/somewhere: /);
    expect(auto.why).toMatch(why);
    await expect(chooseBackend('native', [broken])).rejects.toThrow(/native does not work: \/somewhere.*--backend wasm needs nothing/);
    await expect(chooseBackend('cuda', [broken])).rejects.toThrow(/cuda is not installed. pnpm backend install --gpu gets it/);
  });

  async function copyCut(path: string): Promise<void> {
    const program = await readFile(process.execPath);
    await writeFile(path, program.subarray(0, program.length / 2));
  }
});

it('auto is wasm where nothing is installed, and says what would be faster', async () => {
  const { name, why } = await chooseBackend('auto', []);
  // On a machine with a GPU it is webgpu.
  if (name !== 'webgpu') {
    expect(name).toBe('wasm');
    expect(why).toMatch(
      /^the fastest that works here; cuda is not installed; native is not installed; webgpu does not work: .*; pnpm backend install gets /,
    );
  }
});

it('a run is not gone on with by another kind of backend', async () => {
  vi.stubEnv('PORTCULLIS_CACHE', join(root, 'nothing'));
  await expect(useBackendAgain({ backend: 'tfjs-node 4.22.0 on TensorFlow 2.21.0, cuda', threads: 1 })).rejects.toThrow(
    /was started with tfjs-node 4.22.0 on TensorFlow 2.21.0, cuda and continues with that backend only. cuda is not installed/,
  );
  expect((await useBackendAgain({ backend: 'tfjs-backend-wasm 4.21.0', threads: 3 })).threads).toBe(3);
});

it('remove takes what was installed and what was left unfinished, and nothing else', async () => {
  const folder = join(root, 'remove');
  const directory = await install(manifest, folder);
  await mkdir(join(folder, 'downloads'));
  await mkdir(join(folder, '.tensorflow-cpu-1.0.99999999.tmp'));
  await mkdir(join(folder, '.onnxruntime-cuda-1.0.99999999.tmp'));
  await mkdir(join(folder, 'mine'));
  await symlink(directory, join(folder, 'mine', 'link'));
  expect((await removeBackends(folder)).sort()).toEqual([
    join(folder, '.onnxruntime-cuda-1.0.99999999.tmp'),
    join(folder, '.tensorflow-cpu-1.0.99999999.tmp'),
    join(folder, 'downloads'),
    directory,
  ]);
  expect(readdirSync(folder)).toEqual(['mine']);
  expect(await removeBackends(join(root, 'no-such-folder'))).toEqual([]);
});

function said(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (text) => String(text).includes(word) && resolve());
    child.stderr?.resume();
    child.once('close', (code) => reject(new Error(`it ended with ${code}`)));
  });
}
