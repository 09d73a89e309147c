import { spawn } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
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

const CONFIGURATION = 'workerd.capnp';
/** By default a worker reaches public addresses only. */
const INTERNET = '(name = "internet", network = (allow = ["public", "private", "local"]))';

/** The worker to start: a dry run's output, by its folder below the root ('.' is itself), with its variables; or a script. */
export type Service = { directory: string; variables?: Record<string, string> } | { script: string };

export interface Workerd {
  /** The URL of each service, by its name. */
  urls: Record<string, string>;
  /** The id of the process. */
  pid: number;
  /** Exit and last output, if it ended on its own; null while it runs. */
  ended(): string | null;
  close(): Promise<void>;
}

/** Files of a dry run that would be uploaded, the entry first. @throws Error where the folder holds none */
export async function modulesOf(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => MODULE_KINDS[extname(file)]);
  // The only script: wrangler bundles all scripts into one.
  const entry = files.find((file) => extname(file) === '.js');
  if (!entry) throw new Error(`${directory} has no script: it is not what wrangler deploy --dry-run --outdir writes`);
  return [entry, ...files.filter((file) => file !== entry)];
}

/**
 * Starts workers in one workerd process, without wrangler before it, each on a free port of loopback, which they may reach too.
 *
 * @param root folder into which the configuration is written, until `close`
 * @param services by name
 * @param v8Flags such as --expose-gc
 * @throws Error with what workerd said, where it ends before it listens
 */
export async function startWorkerd(root: string, services: Record<string, Service>, v8Flags: readonly string[] = []): Promise<Workerd> {
  const wrangler = await readFile(join(import.meta.dirname, '../wrangler.toml'), 'utf8');
  const date = /^compatibility_date = "(.*)"/m.exec(wrangler)?.[1];
  // Cap'n Proto writes a list of texts as TOML does.
  const flags = /^compatibility_flags = (\[.*\])/m.exec(wrangler)?.[1] ?? '[]';
  const names = Object.keys(services);
  const workers = await Promise.all(
    Object.entries(services).map(async ([name, service]) => {
      const modules =
        'script' in service ? [`(name = "worker.js", esModule = ${text(service.script)})`] : await embedded(root, service.directory);
      const variables = 'script' in service ? {} : (service.variables ?? {});
      const bindings = Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
      const settings = `compatibilityDate = "${date}", compatibilityFlags = ${flags}`;
      return `(name = ${text(name)}, worker = (${settings}, modules = [${modules.join(', ')}], bindings = [${bindings.join(', ')}]))`;
    }),
  );
  const sockets = names.map((name) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`);
  const path = join(root, CONFIGURATION);
  await writeFile(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${workers.join(', ')}, ${INTERNET}],
  sockets = [${sockets.join(', ')}],
  v8Flags = [${v8Flags.map(text).join(', ')}]
);
`,
  );
  const binary = createRequire(import.meta.url)('workerd').default as string;
  const child = spawn(binary, ['serve', path, '--control-fd=3'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  // Not left behind where the caller fails before it closes.
  const end = () => child.kill();
  process.once('exit', end);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-4000);
  });
  let how: string | null = null;
  const ended = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      how = `workerd ended (${signal ?? code}): ${said}`;
      resolve();
    });
  });
  const urls: Workerd['urls'] = {};
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number };
    if (event === 'listen' && socket && port) urls[socket] = `http://127.0.0.1:${port}`;
    if (names.every((name) => urls[name])) break;
  }
  const close = async () => {
    end();
    await ended;
    process.off('exit', end);
    await rm(path, { force: true });
  };
  if (!names.every((name) => urls[name])) {
    await close();
    throw new Error(`workerd did not start: ${said}`);
  }
  return { urls, pid: child.pid as number, ended: () => how, close };
}

async function embedded(root: string, directory: string): Promise<string[]> {
  const files = await modulesOf(join(root, directory));
  return files.map((file) => `(name = ${text(basename(file))}, ${MODULE_KINDS[extname(file)]} = embed ${text(join(directory, file))})`);
}

/** As Cap'n Proto writes strings, which for these is as JSON does. */
const text = (value: string) => JSON.stringify(value);
