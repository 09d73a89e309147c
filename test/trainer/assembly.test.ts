import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { expect, it } from 'vitest';

it.each(['trainer/backend/assembly', 'edge/runtime/assembly'])(
  '%s/kernels.wasm is what its sources make (pnpm build:kernels)',
  { timeout: 60_000 },
  async (path) => {
    const folder = new URL(`../../${path}/`, import.meta.url);
    const out = await mkdtemp(join(tmpdir(), 'kernels-'));
    try {
      const config = fileURLToPath(new URL('asconfig.json', folder));
      const { error, stderr } = await asc.main(['--config', config, '--outFile', join(out, 'kernels.wasm')]);
      expect(error, stderr.toString()).toBeNull();
      const [built, committed] = await Promise.all([readFile(join(out, 'kernels.wasm')), readFile(new URL('kernels.wasm', folder))]);
      expect(built.equals(committed)).toBe(true);
    } finally {
      await rm(out, { recursive: true });
    }
  },
);
