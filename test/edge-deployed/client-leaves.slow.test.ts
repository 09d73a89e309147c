import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DeployedWorker, startDeployed } from '../../bench/reliability/deployed-worker.ts';

const root = join(import.meta.dirname, '../..');
const { modelId } = JSON.parse(await readFile(join(root, 'models/mnist/screening.json'), 'utf8')) as { modelId: string };
const REJECTED = { type: 'image/jpeg', body: await readFile(join(root, 'test/samples/turned.jpg')) };
const ACCEPTED = { type: 'image/png', body: await readFile(join(root, 'test/samples/digit-7-a.png')) };
/** More than FALLBACK_CONCURRENCY. */
const LEAVING = 12;

/** Stands for the fallback and the classifier: it answers when it is let, or at once. */
async function startHolding() {
  const held: { response: ServerResponse; text: string }[] = [];
  let holds = true;
  const outputs = Object.entries({ label: [0], latent_distance: [0], reconstruction_error: [1e6], model_id: [modelId] }).map(
    ([name, data]) => ({ name, shape: [1], data, datatype: { label: 'INT64', model_id: 'BYTES' }[name] ?? 'FP32' }),
  );
  const found = JSON.stringify({ model_name: 'reclassify', outputs });
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', 'application/json');
    const text = url?.startsWith('/v2') ? found : '{"label":"7"}';
    if (holds) held.push({ response, text });
    else response.end(text);
    server.emit('asked');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => once(server, 'asked'),
    held,
    hold: () => {
      holds = true;
    },
    letGo: () => {
      holds = false;
      for (const { response, text } of held.splice(0)) response.end(text);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let behind: Awaited<ReturnType<typeof startHolding>>;
let worker: DeployedWorker;
beforeAll(async () => {
  behind = await startHolding();
  worker = await startDeployed('mnist', {
    FALLBACK_URL: behind.url,
    // Longer than the test may take: what is given back only then is too late.
    FALLBACK_TIMEOUT_MS: '120000',
    UPSTREAM_URL: `${behind.url}/classify`,
    AGREEMENT_POINTER: '/label',
    LOG_REQUESTS: 'off',
  });
});
afterAll(async () => {
  await worker?.close();
  behind?.close();
});

const post = (path: string, { type, body }: typeof REJECTED) =>
  fetch(`${worker.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });

/** Sends, and resets the connection once what is behind was asked, or after a while where it is not asked any more. */
async function leave(path: string, { type, body }: typeof REJECTED): Promise<void> {
  const asked = behind.asked();
  const outgoing = request(`${worker.url}${path}`, { method: 'POST', agent: false, headers: { 'content-type': type } });
  outgoing.on('error', () => undefined);
  const answered = once(outgoing, 'response').catch(() => undefined);
  const closed = new Promise((resolve) => outgoing.once('close', resolve));
  outgoing.end(body);
  await Promise.race([asked, answered]);
  // Not a mere end, after which a client may still read: workerd drops a request when its connection is reset.
  outgoing.socket?.resetAndDestroy();
  await closed;
}

it('clients that leave while their images are searched take no place from others', async () => {
  behind.hold();
  for (let i = 0; i < LEAVING; i++) await leave('/screen', REJECTED);
  expect(behind.held.length, 'no more at once than allowed').toBe(8);
  behind.letGo();
  await expect
    .poll(async () => (await post('/screen', REJECTED)).json(), { timeout: 10_000 })
    .toMatchObject({ verdict: 'rejected', reclassification: 'rejected' });
});

it('clients that leave while the classifier is asked take no place from others', async () => {
  behind.hold();
  for (let i = 0; i < LEAVING; i++) await leave('/guard', ACCEPTED);
  expect(behind.held).toHaveLength(LEAVING);
  behind.letGo();
  const response = await post('/guard', ACCEPTED);
  expect([response.status, await response.json()]).toEqual([200, { label: '7' }]);
});
