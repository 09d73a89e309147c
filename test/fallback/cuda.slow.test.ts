import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loaderFault } from '../../fallback/providers.ts';
import { findCudaProviders, missingLibraries } from '../../node/installations/cuda-provider.ts';
import { packageVersion } from '../../node/installations/installation-record.ts';
import { installLibraries, removeBackends } from '../../trainer/backend/install/install.ts';
import { cudaProviderManifest } from '../../trainer/backend/install/manifests.ts';
import { findInstallations } from '../../trainer/backend/installations.ts';
import { tinyWheel } from '../trainer/tiny-wheel.ts';
import { makeCudaProvider } from './made-cuda-provider.ts';

const root = join(import.meta.dirname, '../..');
let cache: string;
let backends: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'portcullis-'));
  backends = join(cache, 'backends');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true });
});

describe("the manifest of ONNX Runtime's CUDA provider", () => {
  it('is of the version of onnxruntime-node that is a dependency, every wheel by version and content', () => {
    const { name, wheels } = cudaProviderManifest('linux-x64');
    expect(name).toContain(`-${packageVersion('onnxruntime-node')}-`);
    expect(wheels[0]?.requirement).toBe(`onnxruntime-gpu==${packageVersion('onnxruntime-node')}`);
    for (const { requirement, sha256, bytes } of wheels) {
      expect(requirement).toMatch(/^[a-z0-9-]+==[0-9.]+$/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes).toBeGreaterThan(1e6);
    }
    for (const key of ['requirement', 'sha256'] as const) expect(new Set(wheels.map((wheel) => wheel[key])).size).toBe(wheels.length);
  });

  it('says in a line where there is none', () => {
    expect(() => cudaProviderManifest('linux-arm64')).toThrow(/^there is no CUDA provider .* for linux-arm64, only for linux-x64; .*$/);
    expect(() => cudaProviderManifest('linux-x64', '1.31.0')).toThrow(
      /^the CUDA provider known here is for onnxruntime-node 1.30.0, not 1.31.0; .*$/,
    );
  });
});

describe.skipIf(`${process.platform}-${process.arch}` !== 'linux-x64')('the CUDA provider', () => {
  it('is installed with what no wheel has, is no TensorFlow, and is removed', async () => {
    const folder = join(cache, 'installed');
    const { contents, name, libraries } = cudaProviderManifest();
    const [added, ...unpacked] = libraries as [string, ...string[]];
    const wheel = tinyWheel(cache, 'tiny_ort', Object.fromEntries(unpacked.map((file) => [file, 10])));
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', cache);
    const manifest = { ...wheel, contents, name, keep: unpacked, libraries };
    const options = { folder, output: 'kept', say: () => {} } as const;
    await expect(installLibraries(manifest, options)).rejects.toThrow(`the wheel has no ${added}`);
    const add = (fresh: string) => writeFile(join(fresh, added), '');
    const directory = await installLibraries(manifest, { ...options, add });
    expect(existsSync(join(directory, added))).toBe(true);
    expect(findCudaProviders(folder)).toMatchObject([{ directory, fault: null }]);
    expect(findInstallations(folder).filter(({ origin }) => origin === 'installed')).toEqual([]);
    expect(await removeBackends(folder)).toEqual([directory]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says which library it needs and does not find, to status and to the fallback', async () => {
    const directory = await makeCudaProvider(backends);
    const [provider] = findCudaProviders(backends);
    expect(provider).toMatchObject({ directory, fault: null });
    expect(await missingLibraries(provider as NonNullable<typeof provider>)).toEqual(['libabsent.so.6']);
    const library = join(directory, cudaProviderManifest().libraries[1] as string);
    expect(loaderFault(library)).toMatch(/^libabsent.so.6: cannot open shared object file/);
    // Null on a machine with a driver.
    expect([null, "there is no libcuda.so.1, which comes with NVIDIA's driver"]).toContain(loaderFault('libcuda.so.1'));
  });

  it('is taken from the cache by the same process: auto goes on without it and says why', async () => {
    const child = fallback('--provider', 'auto');
    const [text] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    expect(String(text)).toMatch(/provider cpu, auto: cuda failed \(libabsent.so.6: cannot open shared object file/);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it('asked for and not to be loaded, is one line and exit code 1', async () => {
    expect(await ended(fallback('--provider', 'cuda'))).toEqual([
      1,
      expect.stringMatching(/^error: cuda failed \(libabsent.so.6: .*\); there are cuda, .*cpu needs no device\n$/),
    ]);
  });

  it('that is not whole is not taken; what to do is said', async () => {
    const directory = findCudaProviders(backends)[0]?.directory as string;
    await truncate(join(directory, cudaProviderManifest().libraries[1] as string), 10);
    expect(findCudaProviders(backends)[0]?.fault).toMatch(/libonnxruntime_providers_cuda.so is missing or its size has changed/);
    expect(await ended(fallback('--provider', 'cuda'))).toEqual([
      1,
      expect.stringMatching(/^error: provider cuda is not installed .*there are .*cpu .*pnpm backend install --gpu gets cuda/),
    ]);
  });

  function fallback(...args: string[]): ChildProcess {
    return spawn(process.execPath, ['cli/fallback.ts', '--model', 'mnist', '--port', '0', ...args], {
      ...{ cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
      env: { ...process.env, PORTCULLIS_CACHE: cache },
    });
  }
});

async function ended(child: ChildProcess): Promise<[number, string]> {
  let errors = '';
  child.stderr?.on('data', (text) => (errors += text));
  const [code] = await once(child, 'close');
  return [code, errors];
}
