import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});

/** `pnpm fallback` with these arguments. */
function fallback(...args: string[]) {
  const child = spawn(process.execPath, ['cli/fallback.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code: (code ?? signal) as number | string, out, err }));
  const listening = once(child.stdout, 'data').then(([text]) => String(text));
  return { child, ended, listening };
}

const imageOf = async (n: number) => {
  const { golden } = JSON.parse(await readFile(join(root, 'models/mnist/screening.json'), 'utf8'));
  const data = Array.from(new Float32Array(new Uint8Array(Buffer.from(golden.image, 'base64')).buffer));
  return JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [n, 28, 28, 1], data: Array(n).fill(data).flat() }] });
};

describe('pnpm fallback', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('at %s answers all that it took, takes no more, and ends with 0', async (signal) => {
    // On a busy machine a search takes long; none of these requests is to be refused for that.
    const many = ['--batch-size', '4', '--batch-wait', '100', '--max-wait', '120000'];
    const { child, ended, listening } = fallback('--model', 'mnist', '--port', '0', '--provider', 'cpu', ...many, '--json');
    const { url, model, id, provider } = JSON.parse(await listening);
    expect([model, id, provider]).toEqual(['mnist', expect.stringMatching(/^[0-9a-f]{64}$/), 'cpu']);
    const headers = { 'content-type': 'application/json' };
    const body = await imageOf(2);
    const answers = Array.from({ length: 9 }, () => fetch(`${url}/v2/models/reclassify/infer`, { method: 'POST', headers, body }));
    await expect
      .poll(async () => Number(/queue_requests (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1]), { timeout: 20_000 })
      .toBeGreaterThan(3);
    child.kill(signal);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(new Array(9).fill(200));
    const { code, err } = await ended;
    const lines = err.trim().split('\n');
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line))).toEqual(new Array(9).fill(expect.objectContaining({ status: 200, images: 2 })));
    await expect(fetch(`${url}/v2`)).rejects.toThrow();
  });

  it('a connection that sends nothing does not hold its end', async () => {
    const { child, ended, listening } = fallback('--model', 'mnist', '--port', '0', '--provider', 'cpu', '--keep-alive', '3600');
    const [, port] =
      /^listening on http:\/\/127\.0\.0\.1:(\d+) \(model mnist, id [0-9a-f]{12}, provider cpu, as asked, batches of \d+\)\n$/.exec(
        await listening,
      ) ?? [];
    const idle = connect(Number(port), '127.0.0.1');
    idle.on('error', () => {});
    await once(idle, 'connect');
    // Kept alive, it would outlast the test.
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
    idle.destroy();
  });

  it('--keep-alive says how long a connection without a request stays open', async () => {
    const { listening } = fallback('--model', 'mnist', '--port', '0', '--provider', 'cpu', '--keep-alive', '120', '--json');
    const { headers } = await fetch(`${JSON.parse(await listening).url}/v2/health/live`);
    expect(headers.get('keep-alive')).toBe('timeout=120');
  });

  it('a taken port is one line and exit code 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, err } = await fallback('--model', 'mnist', '--port', String(port), '--provider', 'cpu').ended;
    expect([code, err]).toEqual([1, `error: port ${port} of 127.0.0.1 is taken. Choose another with --port.\n`]);
    taken.close();
  });
});
