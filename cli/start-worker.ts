import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { SUPERVISE } from '../node/processes/run-program.ts';
import { ROOT } from '../node/project-folder.ts';
import { UserError } from '../shared/user-error.ts';

export interface Worker {
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the worker in the Workers runtime (wrangler dev) on a free port of loopback, and waits until it is ready.
 *
 * @param model name in models/
 * @param variables environment of the worker
 * @throws Error with the output of wrangler, if it does not get ready
 */
export async function startWorker(model: string, variables: Record<string, string>): Promise<Worker> {
  const port = await freePort();
  const vars = Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  // A process group of its own, so that workerd, wrangler's child, ends with it; supervised, so that it ends with this process.
  const child = spawn(
    process.execPath,
    [
      ...[SUPERVISE, 'wrangler', 'dev', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
      ...['--show-interactive-dev-session=false', ...vars],
    ],
    {
      cwd: ROOT,
      env: { ...process.env, MODEL: model, WRANGLER_SEND_METRICS: 'false', CI: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output = (output + text).slice(-4000);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      output += error.message;
      resolve();
    });
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const close = async () => {
    if (!over && child.pid) process.kill(-child.pid, 'SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  for (let wait = 0; wait < 240 && !over; wait++) {
    const ready = await fetch(`${url}/health/ready`).catch(() => null);
    if (ready?.ok) return { url, close };
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await close();
  throw new UserError(`the worker did not get ready. wrangler said:\n${output}`);
}

/** Finds a port of loopback that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
