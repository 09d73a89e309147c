import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { defaultFallback, type Fallback, startFallback } from '../../fallback/server.ts';

const directory = join(import.meta.dirname, '../../models/mnist');
const running: Fallback[] = [];
afterEach(() => Promise.all(running.splice(0).map((fallback) => fallback.close())));

const start = async (more: { keepAliveSeconds?: number } = {}) => {
  const fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', batchSize: 1, directory, ...more });
  running.push(fallback);
  return fallback;
};

/** One connection, as a load balancer keeps it; `ask` sends a request over it. */
async function connection(fallback: Fallback) {
  const { hostname, port } = new URL(fallback.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const closed = once(socket, 'close').then(() => 'closed');
  const ask = async () => {
    let text = '';
    const answered = new Promise<string>((resolve) => {
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.includes('{"live":true}')) resolve(text);
      });
    });
    socket.write(`GET /v2/health/live HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
    const answer = await Promise.race([answered, closed]);
    socket.removeAllListeners('data');
    return answer;
  };
  return { socket, closed, ask };
}

it('an idle connection is kept for longer than the 60 s of a load balancer', async () => {
  const { ask, socket } = await connection(await start());
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 .*\r\nkeep-alive: timeout=75\r\n/is);
  // Longer than Node's own 5 s, after which it closes within another.
  await new Promise((resolve) => setTimeout(resolve, 7000));
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

it('and is closed after the time that was asked for, not before', async () => {
  const { ask, closed } = await connection(await start({ keepAliveSeconds: 2 }));
  expect(await ask()).toMatch(/\r\nkeep-alive: timeout=2\r\n/i);
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);
  const answered = performance.now();
  expect(await closed).toBe('closed');
  // However busy the machine is, it is not earlier.
  expect(performance.now() - answered).toBeGreaterThan(1900);
});
