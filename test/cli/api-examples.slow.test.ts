import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker, type Worker } from '../../cli/start-worker.ts';

/** The examples of docs/api.md: a shell block, and what it answers. */
const text = await readFile('docs/api.md', 'utf8');
const examples = [...text.matchAll(/```sh\n(curl[^`]+)```\n\n```json\n([^`]+)```/g)].map(([, command, answer]) => ({
  command: command?.trim() as string,
  answer: JSON.parse(answer as string) as unknown,
}));

let worker: Worker;
beforeAll(async () => {
  const hash = createHash('sha256').update('the-key').digest('hex');
  worker = await startWorker('mnist', { KEYS: `docs:explain:${hash}`, SCREEN_WITHOUT_KEY: 'on' });
}, 60_000);
afterAll(() => worker?.close());

/** `…` stands for anything that is not empty. */
const fits = (found: unknown, wanted: unknown): unknown => {
  if (wanted === '…') return found ? '…' : found;
  if (Array.isArray(wanted) && Array.isArray(found)) return found.map((value, i) => fits(value, wanted[i]));
  if (wanted === null || typeof wanted !== 'object' || found === null || typeof found !== 'object') return found;
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, fits(value, (wanted as Record<string, unknown>)[key])]));
};

describe('docs/api.md', () => {
  it('has examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7);
  });

  it.each(examples)('$command', async ({ command, answer }) => {
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { ...process.env, URL: worker.url, KEY: 'the-key' } });
    expect(fits(JSON.parse(stdout), answer)).toEqual(answer);
  });
});
