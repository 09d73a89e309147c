import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { inferResponseSchema } from '../../shared/protocol/inference-protocol.ts';
import { readTensors } from '../../shared/protocol/tensors.ts';

const root = join(import.meta.dirname, '../..');
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});

async function fallback(port = '0') {
  // On a busy machine a search takes long; none of these requests is to be refused for that.
  const patient = ['--batch-size', '4', '--max-wait', '120000'];
  const args = ['--model', 'mnist', '--port', port, '--provider', 'cpu', ...patient, '--log-level', 'error', '--json'];
  const child = spawn(process.execPath, ['cli/fallback.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [text] = await once(child.stdout, 'data');
  return { child, url: JSON.parse(String(text)).url as string };
}

const REQUESTS = 24;
const screening = JSON.parse(await readFile(join(root, 'models/mnist/screening.json'), 'utf8'));
const golden = float32FromBase64(screening.golden.image);
/** Another image for each: fainter and fainter, so that no answer fits another request. */
const bodies = Array.from({ length: REQUESTS }, (_, i) => {
  const data = Array.from(golden, (value) => value * (1 - i / 50));
  return JSON.stringify({ id: `request-${i}`, inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data }] });
});

/** @returns what the search found. @throws where there was no whole answer with 200 */
async function ask(url: string, body: string) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v2/models/reclassify/infer`, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
  const { id, outputs } = inferResponseSchema.parse(await response.json());
  const found = Object.fromEntries(readTensors(outputs, new Uint8Array(0)).map(({ name, data }) => [name, data[0]]));
  return { by: url, id, label: Number(found.label), error: found.reconstruction_error as number, model: found.model_id };
}

// 96 searches and three starts take more than a minute on a busy machine.
it('a process that is killed amid a batch loses no request of a client that asks another one, and none is answered wrongly', async () => {
  const [dying, other] = await Promise.all([fallback(), fallback()]);
  const expected = [];
  for (const body of bodies) expected.push(await ask(other.url, body));

  const ended = once(dying.child, 'close');
  const again: number[] = [];
  const answers = bodies.map((body, i) =>
    ask(dying.url, body).catch(() => {
      again.push(i);
      return ask(other.url, body);
    }),
  );
  // Of the other one's own callers nobody notices.
  const beside = bodies.map((body) => ask(other.url, body));
  // Some are answered, some are being searched, some wait.
  await Promise.race(answers);
  dying.child.kill('SIGKILL');
  expect((await ended)[1]).toBe('SIGKILL');

  const found = await Promise.all(answers);
  expect(again.length).toBeGreaterThan(0);
  expect(again.length).toBeLessThan(REQUESTS);
  for (const [i, { by, id, label, error, model }] of [...found, ...(await Promise.all(beside))].entries()) {
    const right = expected[i % REQUESTS] as (typeof expected)[number];
    expect([id, label, model]).toEqual([`request-${i % REQUESTS}`, right.label, screening.modelId]);
    // The golden image is drawn by the decoder: its error is 0 at a mean.
    expect(Math.abs(error - right.error)).toBeLessThanOrEqual(1e-3 * right.error + 1e-6);
    expect(by).toBe(i >= REQUESTS || again.includes(i) ? other.url : dying.url);
  }

  // Started again where it was, it answers.
  const restarted = await fallback(new URL(dying.url).port);
  expect(restarted.url).toBe(dying.url);
  expect(await ask(restarted.url, bodies[0] as string)).toMatchObject({ id: 'request-0', label: expected[0]?.label });
}, 240_000);
