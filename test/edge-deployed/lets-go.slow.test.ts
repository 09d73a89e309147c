import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DeployedWorker, startDeployed } from '../../bench/reliability/deployed-worker.ts';

const root = join(import.meta.dirname, '../..');
const DIGIT = await readFile(join(root, 'test/samples/digit-7-a.png'));
const REJECTED = await readFile(join(root, 'test/samples/turned.jpg'));
const TIMES = 60;
/** Objects that V8 may still hold of the last ones, such as in registers. */
const SPARE = 4;

/**
 * Goes before the worker's script: collects garbage with every request, and adds to its id of how many requests and answers the body was
 * taken, and how many of these are collected.
 */
const COUNTING = `{
  let [taken, collected] = [0, 0];
  const registry = new FinalizationRegistry(() => { collected++; });
  const seen = new WeakSet();
  // Of Request and of Response.
  const body = Object.getPrototypeOf(Request.prototype);
  const { get } = Object.getOwnPropertyDescriptor(body, 'body');
  Object.defineProperty(body, 'body', {
    get() {
      if (!seen.has(this)) {
        seen.add(this);
        taken++;
        registry.register(this, null);
      }
      return get.call(this);
    },
  });
  const randomUUID = crypto.randomUUID.bind(crypto);
  crypto.randomUUID = () => {
    globalThis.gc();
    return \`\${randomUUID()} \${taken} \${collected}\`;
  };
}`;

/** Stands for the fallback and the classifier: breaks off each answer. */
const breaking = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
  response.write('{"outputs":[', () => response.destroy());
});
let worker: DeployedWorker;
beforeAll(async () => {
  await once(breaking.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(breaking.address() as AddressInfo).port}`;
  const variables = { FALLBACK_URL: url, UPSTREAM_URL: `${url}/classify`, AGREEMENT_POINTER: '/label', LOG_REQUESTS: 'off' };
  worker = await startDeployed('mnist', variables, COUNTING, ['--expose-gc']);
});
afterAll(async () => {
  await worker?.close();
  breaking.closeAllConnections();
  breaking.close();
});

/** Sends half a body, and ends the connection. (Reset, workerd drops the request and nothing of it goes on.) */
async function cutOff(path: string): Promise<void> {
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: image/png\r\ncontent-length: ${DIGIT.length}\r\n\r\n`);
  socket.write(DIGIT.subarray(0, DIGIT.length >> 1));
  await new Promise((resolve) => setTimeout(resolve, 10));
  socket.destroy();
}

const post = (path: string, type: string, body: typeof DIGIT) =>
  fetch(`${worker.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body }).then((response) => response.text());

/**
 * Counts the requests and answers with a taken body that are still in memory: after some requests more, so that what is collected is
 * counted.
 */
async function kept(): Promise<number> {
  for (let i = 0; i < 5; i++) await fetch(`${worker.url}/health/live`);
  const { headers } = await fetch(`${worker.url}/health/live`);
  const [, taken, collected] = (headers.get('portcullis-request') as string).split(' ').map(Number) as [number, number, number];
  return taken - collected;
}

const CASES: Record<string, () => Promise<void>> = {
  'a request to /screen that is cut off within its body': () => cutOff('/screen'),
  'a request to /guard that is cut off within its body': () => cutOff('/guard'),
  'a request whose search is broken off': async () => {
    expect(await post('/screen', 'image/jpeg', REJECTED)).toContain('"reclassification":"unavailable"');
  },
  'a request whose classifier breaks off': async () => {
    expect(await post('/guard', 'image/png', DIGIT)).toContain('upstream-failed');
  },
};

it.each(Object.keys(CASES))('keeps nothing of %s', async (name) => {
  const before = await kept();
  for (let i = 0; i < TIMES; i++) await CASES[name]?.();
  expect(await kept()).toBeLessThanOrEqual(before + SPARE);
});
