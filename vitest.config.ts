import { defineConfig } from 'vitest/config';

const BROKEN_OFF = [
  'Network connection lost.',
  'Stream was cancelled.',
  'The classifier did not answer within 200 ms.',
  'The operation was aborted due to timeout',
];

export default defineConfig({
  test: {
    // workerd's own pumps of bodies that break off, as tests of the edge make them do, reject beside the reads that tell it.
    onUnhandledError: ({ message }) => !BROKEN_OFF.some((text) => message.includes(text)),
    projects: [
      './vitest.edge.config.ts',
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/edge/**', 'node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
