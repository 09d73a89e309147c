#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { admit } from '../shared/bundle/admit.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import { UsageError, UserError } from '../shared/user-error.ts';
import { openBundle } from './node.ts';
import { onnxruntimeNode } from './runtimes/onnxruntime-node.ts';
import { createApp, type ScreeningApp } from './worker.ts';

const USAGE = `Usage: portcullis-serve --bundle FOLDER [--port 8787] [--host 127.0.0.1] [--runtime kernels|onnxruntime-node] [--force]

Serves the worker's API from Node, for those without Workers. Its variables (docs/deploy.md) come from the environment.
  --force   serve a model that is not fit to deploy`;

/** The time of a whole request, from its first byte on, in ms. */
const REQUEST_TIMEOUT_MS = 30_000;

const RUNTIMES = { kernels: undefined, 'onnxruntime-node': onnxruntimeNode } as const;

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error.exitCode;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) return console.log(USAGE);
  const { bundle: folder, host, port, runtime, force } = options;
  const opened = await openBundle(folder);
  const screening = await admit(opened.screening, { use: 'deploy', force, refused: 'served', todo: 'Choose another, or give --force.' });
  const bundle = { ...opened, screening };
  const chosen = RUNTIMES[runtime]?.();
  const search = chosen ?? onnxruntimeNode();
  const app = await createApp({ bundle, ...(chosen ? { runtime: chosen } : {}), searchRuntime: search });
  await checkReady(app);
  const serverOptions = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 5000 };
  const server = serve(
    { fetch: (request) => app.fetch(request, process.env), hostname: host, port, serverOptions },
    ({ address, port }) => {
      console.error(`portcullis: model ${screening.name}, verdict ${fitnessOf(screening).verdict}, at http://${address}:${port}`);
    },
  );
  server.once('error', (error: NodeJS.ErrnoException) => {
    console.error(
      `error: ${error.code === 'EADDRINUSE' ? `port ${port} of ${host} is taken. Choose another with --port.` : error.message}`,
    );
    process.exitCode = 1;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
}

/** Asks the app whether it is ready, so that none is served that could only answer errors. @throws UserError that says why it is not */
async function checkReady(app: ScreeningApp): Promise<void> {
  const answer = await app.fetch(new Request('http://localhost/health/ready'), { ...process.env, LOG_REQUESTS: 'off' });
  if (!answer.ok) throw new UserError(((await answer.json()) as { detail: string }).detail);
}

/** @returns null if help was asked for. @throws UsageError */
function readOptions() {
  let values: { bundle?: string; host?: string; port?: string; runtime?: string; force?: boolean; help?: boolean };
  try {
    values = parseArgs({
      options: {
        bundle: { type: 'string' },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '8787' },
        runtime: { type: 'string', default: 'kernels' },
        force: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
  const { bundle, host = '', port = '', runtime = '', force = false } = values;
  if (values.help) return null;
  if (!bundle) throw new UsageError(`--bundle is missing; the folder of a bundle is needed\n${USAGE}`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new UsageError(`--port is ${port}; allowed is 0 (any free port) to 65535`);
  if (!(runtime in RUNTIMES)) throw new UsageError(`--runtime is ${runtime}; allowed are ${Object.keys(RUNTIMES).join(', ')}`);
  return { bundle, host, port: Number(port), runtime: runtime as keyof typeof RUNTIMES, force };
}
