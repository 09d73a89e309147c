import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** The tests of the edge run inside workerd, against the worker as it is built. */
export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      // vitest itself asks for node:inspector; the worker does not.
      miniflare: { compatibilityFlags: ['nodejs_compat'], bindings: { EXPLAIN_TOKENS: 'explain-token' } },
    }),
  ],
  test: {
    name: 'edge',
    include: ['test/edge/**/*.test.ts'],
    globalSetup: ['test/edge/build-worker.ts'],
    testTimeout: 30_000,
  },
});
