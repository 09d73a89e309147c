import { createHash } from 'node:crypto';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const sha256 = (key: string) => createHash('sha256').update(key).digest('hex');

/** The tests of the edge run inside workerd, against the worker as it is built. */
export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      // vitest itself asks for node:inspector; the worker does not.
      miniflare: {
        compatibilityFlags: ['nodejs_compat'],
        ratelimits: { REAL_LIMITER: { namespace_id: '1', simple: { limit: 2, period: 60 } } },
        analyticsEngineDatasets: { REAL_DECISIONS: { dataset: 'decisions' } },
        bindings: { KEYS: `test:explain+admin:${sha256('explain-token')}`, SCREEN_WITHOUT_KEY: 'on', LOG_REQUESTS: 'off' },
      },
    }),
  ],
  test: {
    name: 'edge',
    // One worker for all: making the module graph anew takes longer than the tests.
    isolate: false,
    include: ['test/edge/**/*.test.ts'],
    globalSetup: ['test/edge/build-worker.ts'],
    testTimeout: 30_000,
  },
});
