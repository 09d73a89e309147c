import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../cli/start-worker.ts';
import { SUPERVISE } from '../../node/processes/run-program.ts';
import { pythonWith } from './python.ts';

/** An upstream server's view of one image. */
export interface Seen {
  field?: string;
  filename?: string | null;
  format?: string;
  width?: number;
  height?: number;
  frames?: number;
  /** sha256 of "WIDTHxHEIGHT:" and the RGBA pixels as stored, and as EXIF turns them. */
  rgba?: string;
  upright?: string;
  mean?: number;
  /** The shape of a tensor. */
  shape?: number[];
  values?: number[];
  error?: string;
}

export interface UpstreamServer {
  url: string;
  close(): Promise<void>;
}

export type ServerName = 'fastapi' | 'werkzeug' | 'aiohttp' | 'kserve' | 'mlserver';
/** Importing KServe and MLServer takes some seconds. */
const START_MS = 90_000;

/**
 * Starts a real upstream server on a free port of loopback and waits until it is ready.
 *
 * @param cache folder of the Python environments
 * @throws Error with what it said, where it does not get ready
 */
export async function startServer(name: ServerName, cache: string): Promise<UpstreamServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  if (name !== 'mlserver') {
    const python = await pythonWith(cache, 'requirements.txt');
    const end = await run(python, [join(import.meta.dirname, `${name}_app.py`), String(port)], {});
    return ready(url, name === 'kserve' ? '/v2/models/classifier/ready' : '/ready', end);
  }
  const python = await pythonWith(cache, 'requirements-mlserver.txt');
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-mlserver-'));
  const [grpc, metrics] = [await freePort(), await freePort()];
  const settings = { host: '127.0.0.1', http_port: port, grpc_port: grpc, metrics_port: metrics, parallel_workers: 0 };
  await writeFile(join(folder, 'settings.json'), JSON.stringify(settings));
  await writeFile(
    join(folder, 'model-settings.json'),
    JSON.stringify({ name: 'classifier', implementation: 'mlserver_runtime.Classifier' }),
  );
  const end = await run(python, ['-c', 'from mlserver.cli import main; main()', 'start', folder], { PYTHONPATH: import.meta.dirname });
  const server = await ready(url, '/v2/models/classifier/ready', end);
  return {
    url,
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a Python program that serves HTTP, and waits until it is ready.
 *
 * @param url where it listens
 * @param path that answers once it is ready
 * @throws Error with what it said, where it does not get ready
 */
export const startPython = async (python: string, args: string[], env: Record<string, string>, url: string, path: string) =>
  ready(url, path, await run(python, args, env));

interface Ending {
  said(): string;
  over(): boolean;
  close(): Promise<void>;
}

/** Starts a program that ends with this process. */
async function run(python: string, args: string[], env: Record<string, string>): Promise<Ending> {
  const child = spawn(process.execPath, [SUPERVISE, python, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    detached: true,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said = (said + text).slice(-4000);
    });
  }
  let over = false;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      over = true;
      resolve();
    });
  });
  return {
    said: () => said,
    over: () => over,
    close: async () => {
      if (!over && child.pid) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

async function ready(url: string, path: string, { said, over, close }: Ending): Promise<UpstreamServer> {
  for (const until = Date.now() + START_MS; Date.now() < until && !over(); ) {
    const answer = await fetch(`${url}${path}`).catch(() => null);
    if (answer?.ok) return { url, close };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await close();
  throw new Error(`the server at ${url}${path} did not get ready. It said:\n${said()}`);
}
