import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { swiftShader } from '../trainer/swiftshader.ts';
import type { ProviderFindings } from './provider-process.ts';

const environment = swiftShader();
const entry = fileURLToPath(new URL('provider-process.ts', import.meta.url));

/** An image takes a software adapter 5 s. */
const ON_WEBGPU = 2;

async function foundOn(provider: 'cpu' | 'wasm' | 'webgpu', count = 20): Promise<ProviderFindings> {
  const { stdout } = await promisify(execFile)(process.execPath, [entry, provider, String(count)], { env: environment ?? process.env });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

const cpu = foundOn('cpu');

/** The search goes on for some thirty steps, each from the rounded end of the one before. */
function expectAlike(found: ProviderFindings, reference: ProviderFindings, count = 20): void {
  expect(found.label).toHaveLength(count);
  expect(found.label).toEqual(reference.label.slice(0, count));
  expect(found.model_id).toEqual(reference.model_id.slice(0, count));
  for (const name of ['reconstruction_error', 'runner_up_error'] as const)
    for (const [i, error] of reference[name].slice(0, count).entries())
      expect(Math.abs((found[name][i] as number) / error - 1), `${name} of image ${i}`).toBeLessThan(2e-3);
}

describe('the search of reclassify.onnx', () => {
  it('finds on wasm what it finds on the cpu', async () => {
    expectAlike(await foundOn('wasm'), await cpu);
  });

  it.runIf(environment)(
    'finds on webgpu what it finds on the cpu',
    async () => {
      expectAlike(await foundOn('webgpu', ON_WEBGPU), await cpu, ON_WEBGPU);
    },
    300_000,
  );
});
