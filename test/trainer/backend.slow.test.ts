import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackendName, chooseBackend } from '../../trainer/backend/backends.ts';
import type { Findings } from './backend-process.ts';

const native = await chooseBackend('native').then(
  () => true,
  (error: Error) => {
    console.warn(`SKIPPED, the native backend is not compared with wasm: ${error.message}`);
    return false;
  },
);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(root, { recursive: true }));

/** In a process of its own, as a library that is loaded stays. */
async function findingsOf(backend: BackendName, other?: string, env: NodeJS.ProcessEnv = {}): Promise<Findings> {
  const folder = join(root, other ? `${backend}-after` : backend);
  await mkdir(folder);
  const entry = join(import.meta.dirname, 'backend-process.ts');
  await promisify(execFile)(process.execPath, [entry, backend, folder, ...(other ? [join(root, other)] : [])], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(await readFile(join(folder, 'findings.json'), 'utf8'));
}

/** Largest difference, relative to the largest value. */
function difference(a: number[], b: number[]): number {
  expect(a.length).toBe(b.length);
  expect(a.length).toBeGreaterThan(0);
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / scale;
}

describe.runIf(native)('native and wasm, from the same weights and data', () => {
  let [found, expected]: [Findings, Findings] = [] as never;
  beforeAll(async () => {
    expected = await findingsOf('wasm');
    found = await findingsOf('native', 'wasm');
  });

  it('are what they say', () => {
    expect(expected).toMatchObject({ description: 'tfjs-backend-wasm 4.22.0', why: 'as asked' });
    expect(found.description).toMatch(/^tfjs-node 4\.22\.0 on TensorFlow \d+\.\d+\.\d+, cpu$/);
    expect(found.losses).not.toEqual(expected.losses);
  });

  it('have the same outputs and gradients of each kind of layer', () => {
    for (const [layer, values] of Object.entries(expected.layers))
      for (const [i, value] of values.entries())
        expect(difference(found.layers[layer]?.[i] as number[], value), `${layer} ${i}`).toBeLessThan(1e-5);
  });

  it('have the same losses over 50 steps', () => {
    expect(expected.losses).toHaveLength(50);
    expect(expected.losses[49]).toBeLessThan(0.8 * (expected.losses[0] as number));
    for (const [i, loss] of expected.losses.entries())
      expect(Math.abs((found.losses[i] as number) / loss - 1), `step ${i}`).toBeLessThan(1e-3);
  });

  it("read back what they saved, and each other's models", () => {
    expect(found.reloaded).toEqual(found.latents);
    expect(expected.reloaded).toEqual(expected.latents);
    expect(difference(found.others, expected.latents)).toBeLessThan(1e-5);
  });
});
