import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

/** Loads files as the worker's bundler does: WebAssembly as a module, data as bytes, text as text. */
const filesAsModules: Plugin = {
  name: 'files-as-modules',
  enforce: 'pre',
  load(id) {
    const path = JSON.stringify(id);
    if (id.endsWith('.wasm'))
      return `import { readFileSync } from 'node:fs'; export default new WebAssembly.Module(readFileSync(${path}));`;
    if (/\.(onnx|bin|png|jpg)$/.test(id))
      return `import { readFileSync } from 'node:fs'; export default new Uint8Array(readFileSync(${path})).buffer;`;
    if (/\.(html|json\.txt)$/.test(id)) return `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`;
  },
};

/** The tests that take part: those of the code that is mutated are enough, and each more costs time for each mutant. */
const TESTS = process.env.MUTATE_TESTS?.split(',') ?? [
  'test/shared/**/*.test.ts',
  'test/edge/guard/*.test.ts',
  'test/edge/routes/infer.test.ts',
];

/** The tests by which StrykerJS judges mutants of shared/ and edge/guard (`pnpm mutate`): in Node, as it can't run those in workerd. */
export default defineConfig({
  plugins: [filesAsModules],
  test: {
    include: TESTS,
    setupFiles: ['test/mutate/base64-polyfill.ts'],
    globalSetup: TESTS.some((path) => path.startsWith('test/edge')) ? ['test/edge/build-worker.ts'] : [],
    server: { deps: { inline: [/\.wasm$/] } },
    testTimeout: 60_000,
  },
});
