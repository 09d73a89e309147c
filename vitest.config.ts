import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const BROKEN_OFF = [
  'Network connection lost.',
  'Stream was cancelled.',
  'The classifier did not answer within 200 ms.',
  'The operation was aborted due to timeout',
];

const SLOW = 'test/**/*.slow.test.ts';
const NODE = {
  include: ['test/**/*.test.ts'],
  // Commands that tests run are called from the project's folder, wherever the tests are.
  env: { INIT_CWD: import.meta.dirname },
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // By default vitest leaves one core to itself, which on two cores is half of them.
  maxWorkers: Math.max(2, availableParallelism()),
  // After the edge's tests, which have one worker.
  sequence: { groupOrder: 1 },
};

export default defineConfig({
  test: {
    // workerd's own pumps of bodies that break off, as tests of the edge make them do, reject beside the reads that tell it.
    onUnhandledError: ({ message }) => !BROKEN_OFF.some((text) => message.includes(text)),
    projects: [
      './vitest.edge.config.ts',
      {
        // A page that the app's routes import as a text, as only its builds can.
        assetsInclude: ['edge/pages/*.html'],
        // The fast set: `pnpm test:fast`. Its files share a worker's modules, as to load tfjs takes longer than most tests.
        test: {
          ...NODE,
          name: 'node',
          exclude: ['test/edge/**', SLOW],
          setupFiles: ['test/refuse-processes.ts'],
          isolate: false,
        },
      },
      // Tests that train, deploy the worker or start processes and threads.
      { test: { ...NODE, name: 'slow', include: [SLOW] } },
    ],
  },
});
