import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { chooseBackend } from '../../trainer/backend/backends.ts';
import { strided } from '../../trainer/model/architecture.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { type TrainOptions, train } from '../../trainer/train.ts';
import { swiftShader } from './swiftshader.ts';
import type { Findings } from './webgpu-process.ts';

const environment = swiftShader();
/** It compiles a program for each shape of each operation. */
const AT_MOST_MS = 5 * 60_000;

const findings = new URL('webgpu-process.ts', import.meta.url);
const run = new URL('webgpu-run-process.ts', import.meta.url);

/** Each in a process of its own, as Dawn stays loaded. @returns the last line of its output */
async function lastLineOf(entry: URL, argument: string, cwd = process.cwd()) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', fileURLToPath(entry), argument], {
    env: environment ?? process.env,
    cwd,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

function setEnvironment(env: NodeJS.ProcessEnv) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
}
afterEach(() => vi.unstubAllEnvs());

describe.runIf(environment)('webgpu and wasm, from the same weights and data', () => {
  let [found, expected]: [Findings, Findings] = [] as never;
  beforeAll(async () => {
    expected = await lastLineOf(findings, 'wasm');
    found = await lastLineOf(findings, 'webgpu');
  }, AT_MOST_MS);

  it('are what they say', () => {
    expect(expected.description).toBe('tfjs-backend-wasm 4.22.0');
    expect(found.description).toMatch(/^tfjs-backend-webgpu 4\.22\.0 on SwiftShader driver .* through Vulkan$/);
    expect(found.threads).toBe(1);
  });

  it.each(['plain', 'variable entropy', 'semi-supervised, class weights'])('have the same losses and gradient: %s', (kind) => {
    const [losses, gradient] = [expected.losses[kind] as number[], expected.gradients[kind] as number[]];
    expect(losses).toHaveLength(kind === 'plain' ? 3 : 1);
    for (const [i, loss] of losses.entries()) expect(Math.abs((found.losses[kind]?.[i] as number) / loss - 1)).toBeLessThan(1e-3);
    const largest = Math.max(...gradient.map(Math.abs));
    expect(largest).toBeGreaterThan(1);
    for (const [i, value] of gradient.entries())
      expect(Math.abs((found.gradients[kind]?.[i] as number) - value), `${i}`).toBeLessThan(1e-4 * largest);
  });

  it('make the same of images, by the running average that was copied to wasm', () => {
    expect(expected.encodings).toHaveLength(100);
    for (const [i, value] of expected.encodings.entries()) expect(found.encodings[i]).toBeCloseTo(value, 3);
  });

  it('what the GPU refuses is thrown, with what to do', () => {
    expect(found.fault).toMatch(/^BackendError: SwiftShader .* failed: Buffer size .* exceeds .*\. Go on with pnpm train --resume/);
  });
});

describe.runIf(environment)('a run on webgpu', () => {
  let root: string;
  const cwd = process.cwd();
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'portcullis-'));
    const random = randomFrom(3, 'photos');
    for (const [y, name] of ['dark', 'light'].entries()) {
      await mkdir(join(root, 'photos', name), { recursive: true });
      for (let i = 0; i < 100; i++)
        await sharp(Buffer.from(Array.from({ length: 64 }, () => random.integer(0, 90) + 160 * y)), {
          raw: { width: 8, height: 8, channels: 1 },
        })
          .png()
          .toFile(join(root, 'photos', name, `${i}.png`));
    }
    // The cache of images lies beside the runs.
    process.chdir(root);
  });
  afterAll(async () => {
    process.chdir(cwd);
    await rm(root, { recursive: true });
  });

  it(
    'that was stopped goes on to its end: judged, calibrated and reported as one on wasm',
    async () => {
      const options: Omit<TrainOptions, 'name'> = {
        ...{ preset: 'quick', seed: 4 },
        choices: { epochs: 2, batchSize: 64, architecture: { encoder: strided(4, 6), decoder: strided(4, 6), dense: 12 } },
        source: { dataset: 'images', dataDir: join(root, 'photos'), imageSize: 8, channels: 1 },
        calibration: { ...defaultCalibration, alpha: 0.3, delta: 0.4 },
      };
      const { test } = await train({ ...options, name: 'wasm' });
      const found = await lastLineOf(run, JSON.stringify({ ...options, name: 'webgpu' }), root);
      expect(test?.images).toBeGreaterThan(20);
      expect(found.images).toBe(test?.images);
      const read = async (name: string, file: string) => (await readFile(join(root, 'runs', name, file))).toString();
      expect(JSON.parse(await read('webgpu', 'config.json'))).toMatchObject({
        ...{ status: 'calibrated', epochs: 2, threads: 1 },
        backend: expect.stringMatching(/^tfjs-backend-webgpu .*SwiftShader/),
      });
      const metrics = async (name: string) => (await read(name, 'metrics.jsonl')).trim().split('\n');
      const expected = await metrics('wasm');
      expect(expected).toHaveLength(2);
      for (const [epoch, line] of (await metrics('webgpu')).entries()) {
        const { seconds: _, ...values } = JSON.parse(expected[epoch] as string) as Record<string, number>;
        for (const [name, value] of Object.entries(values))
          expect(Math.abs(JSON.parse(line)[name] / value - 1), `${name} of epoch ${epoch + 1}`).toBeLessThan(1e-3);
      }
      expect(await read('webgpu', 'report.html')).toContain('Results on the test images');
    },
    AT_MOST_MS,
  );
});

describe('webgpu', () => {
  it.runIf(environment)(
    'is not taken by itself where the only adapter is software',
    async () => {
      setEnvironment(environment as NodeJS.ProcessEnv);
      const { name, why } = await chooseBackend('auto', []);
      expect(name).toBe('wasm');
      expect(why).toMatch(/; webgpu does not work: its only adapter is software: SwiftShader/);
    },
    AT_MOST_MS,
  );

  it.runIf(process.platform === 'linux')('says what is missing without an adapter, and auto takes wasm', async () => {
    setEnvironment({ VK_DRIVER_FILES: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' });
    await expect(chooseBackend('webgpu')).rejects.toThrow(/finds no graphics adapter.* libvulkan1.* --backend wasm needs nothing/);
    expect(await chooseBackend('auto', [])).toMatchObject({ name: 'wasm', why: expect.stringContaining('no graphics adapter') });
  });

  it('that ends the process in which it is tried, as a broken driver does, costs a training nothing', async () => {
    setEnvironment({ NODE_OPTIONS: '--import=data:text/javascript,process.abort()' });
    await expect(chooseBackend('webgpu')).rejects.toThrow(/trying it ended its process with SIGABRT/);
    expect((await chooseBackend('auto', [])).name).toBe('wasm');
  });
});
