import { describe, expect, it } from 'vitest';
import { runInProcess } from '../cli/run-in-process.ts';

describe('pnpm fallback', () => {
  it.each([
    [['--port', '70000'], /70000 is not a port/],
    [['--threads', '0'], /1 or more is needed/],
    [['--keep-alive', '0'], /1 or more is needed/],
    [['--keep-alive', '100000'], /100000 seconds are too long; 1 to 86400 are allowed/],
    [['--max-images', 'many'], /many is not a whole number/],
    [['--provider', 'tpu'], /Allowed choices are auto, cuda, webgpu, cpu/],
    [['--model', 'nowhere'], /there is no model nowhere; in models\/ there are: .*mnist/],
    [['--batch-size', 'many'], /many is not a whole number/],
    [['--log-level', 'loud'], /Allowed choices are fatal, error/],
    [['--unknown'], /unknown option/],
  ])('%j is wrong use: exit code 2, what is allowed, no stack', async (args, message) => {
    const { code, err } = await runInProcess('fallback', args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err).not.toMatch(/\n +at /);
  });

  it('--help has examples and ends with 0', async () => {
    const { code, out } = await runInProcess('fallback', ['--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('Examples:\n  pnpm fallback\n')]);
  });
});
