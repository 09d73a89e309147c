import { spawn } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The kind of module that each file of a dry run is, as wrangler.toml's rules say. */
const MODULE_KINDS: Record<string, string> = {
  '.js': 'esModule',
  '.wasm': 'wasm',
  '.onnx': 'data',
  '.bin': 'data',
  '.html': 'text',
  '.txt': 'text',
};

/** A worker that only reads the body: what HTTP and the runtime cost without Portcullis. */
const READ_ONLY = `export default {
  async fetch(request) {
    const bytes = (await request.arrayBuffer()).byteLength;
    return Response.json({ bytes });
  },
};`;

export interface Workerd {
  /** Of the worker that the dry run wrote. */
  screen: string;
  /** Of a worker that only reads the body, in the same process. */
  readOnly: string;
  close(): Promise<void>;
}

/** Files of a dry run that would be uploaded, the entry first. @throws Error where the folder holds none */
export async function modulesOf(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => MODULE_KINDS[extname(file)] && file !== 'read-only.js');
  if (!files.includes('worker.js'))
    throw new Error(`${directory} has no worker.js: it is not what wrangler deploy --dry-run --outdir writes`);
  return ['worker.js', ...files.filter((file) => file !== 'worker.js')];
}

/**
 * Starts in workerd alone, without wrangler before it, what `wrangler deploy --dry-run --outdir DIRECTORY` wrote, and beside it
 * a worker that only reads; each on a free port of loopback. A configuration is written into the folder.
 *
 * @throws Error with what workerd said, where it ends before it listens
 */
export async function startWorkerd(directory: string): Promise<Workerd> {
  const modules = (await modulesOf(directory)).map(
    (file) => `(name = ${JSON.stringify(file)}, ${MODULE_KINDS[extname(file)]} = embed ${JSON.stringify(file)})`,
  );
  const date = /compatibility_date = "(.*)"/.exec(await readFile(join(import.meta.dirname, '../wrangler.toml'), 'utf8'))?.[1];
  await writeFile(join(directory, 'read-only.js'), READ_ONLY);
  await writeFile(
    join(directory, 'workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "screen", worker = .screen), (name = "read-only", worker = .readOnly) ],
  sockets = [
    (name = "screen", address = "127.0.0.1:0", http = (), service = "screen"),
    (name = "readOnly", address = "127.0.0.1:0", http = (), service = "read-only")
  ]
);
const screen :Workerd.Worker = (compatibilityDate = "${date}", modules = [${modules.join(', ')}]);
const readOnly :Workerd.Worker = (compatibilityDate = "${date}", modules = [(name = "read-only.js", esModule = embed "read-only.js")]);
`,
  );
  const binary = createRequire(import.meta.url)('workerd').default as string;
  const child = spawn(binary, ['serve', join(directory, 'workerd.capnp'), '--control-fd=3'], {
    stdio: ['ignore', 'inherit', 'pipe', 'pipe'],
  });
  // Not left behind where the caller fails before it closes.
  const end = () => child.kill();
  process.once('exit', end);
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ports: Record<string, number> = {};
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number };
    if (event === 'listen' && socket && port) ports[socket] = port;
    if (ports.screen && ports.readOnly) break;
  }
  const close = async () => {
    end();
    await ended;
    process.off('exit', end);
    for (const file of ['read-only.js', 'workerd.capnp']) await rm(join(directory, file), { force: true });
  };
  if (!ports.screen) {
    await close();
    throw new Error(`workerd did not start: ${said}`);
  }
  return { screen: `http://127.0.0.1:${ports.screen}`, readOnly: `http://127.0.0.1:${ports.readOnly}`, close };
}
