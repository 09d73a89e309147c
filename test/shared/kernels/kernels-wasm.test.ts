import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { expect, it } from 'vitest';

const kernels = fileURLToPath(new URL('../../../shared/kernels/', import.meta.url));

it.each(['training', 'screening'])(
  'shared/kernels/%s.wasm is what its sources make (pnpm build:kernels)',
  { timeout: 60_000 },
  async (target) => {
    const folder = await mkdtemp(join(tmpdir(), 'kernels-'));
    const outFile = join(folder, `${target}.wasm`);
    try {
      const [entry, config] = [`${target}.ts`, 'asconfig.json'].map((file) => join(kernels, 'assembly', file)) as [string, string];
      const { error, stderr } = await asc.main([entry, '--config', config, '--target', target, '--outFile', outFile]);
      expect(error, stderr.toString()).toBeNull();
      const [built, committed] = await Promise.all([readFile(outFile), readFile(join(kernels, `${target}.wasm`))]);
      expect(built.equals(committed)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
