import { Option } from 'commander';
import { pino } from 'pino';
import type { Provider } from '../fallback/providers.ts';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { findCudaProviders } from '../node/installations/cuda-provider.ts';
import { UsageError } from '../shared/user-error.ts';
import { MODEL_OPTION, positive, wholeNumber } from './options.ts';
import { resolveModel } from './paths.ts';
import { command, printResult, runCommand } from './run-command.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

const DESCRIPTION =
  'Serve the search for the true class of rejected images (Open Inference Protocol v2) until Ctrl-C.\n' +
  'With FALLBACK_TOKEN set, requests must carry it: Authorization: Bearer TOKEN. With FALLBACK_HMAC_KEY set (two keys with a comma ' +
  'between while one is replaced), inference requests must be signed with it, as the worker does.';

const EXAMPLES = `  pnpm fallback
  pnpm fallback --model mnist --port 9000
  FALLBACK_TOKEN=… pnpm fallback --host 0.0.0.0 --threads 4 --log-level warn`;

const program = command('fallback', DESCRIPTION, EXAMPLES)
  .option(...MODEL_OPTION)
  .option('--host <address>', 'address to listen on', defaultFallback.host)
  .option('--port <n>', 'port to listen on, 0 for any', port, defaultFallback.port)
  .addOption(
    new Option('--provider <name>', 'execution provider of ONNX Runtime').choices(['auto', 'cuda', 'webgpu', 'cpu']).default('auto'),
  )
  .option('--threads <n>', 'threads that search', positive, defaultFallback.threads)
  .option('--max-queue <n>', 'requests that may wait', wholeNumber, defaultFallback.maxQueue)
  .option(
    '--max-wait <ms>',
    'longest wait until a search starts; requests that cannot start by then are refused',
    positive,
    defaultFallback.maxWaitMs,
  )
  .option('--batch-size <n>', 'images in one search, or auto: measured at the start', batchSize, defaultFallback.batchSize)
  .option('--batch-wait <ms>', 'time that a free thread waits for a batch to fill', wholeNumber, defaultFallback.batchWaitMs)
  .option('--max-images <n>', 'largest number of images in a request', positive, defaultFallback.maxImages)
  .option('--max-bytes <n>', 'largest size of a request', positive, defaultFallback.maxBytes)
  .option(
    '--keep-alive <seconds>',
    'time that an idle connection stays open; longer than that of the proxy before it',
    keepAlive,
    defaultFallback.keepAliveSeconds,
  )
  .addOption(new Option('--log-level <level>', 'level of the log on stderr, lines of JSON').choices(LEVELS).default('info'))
  .option('--json', 'print the address as JSON')
  .action(async ({ model, json, logLevel, maxWait: maxWaitMs, batchWait: batchWaitMs, keepAlive: keepAliveSeconds, ...options }) => {
    const directory = await resolveModel(model);
    const { FALLBACK_TOKEN: token, FALLBACK_HMAC_KEY } = process.env;
    const hmacKeys = hmacKeysOf(FALLBACK_HMAC_KEY);
    useCudaLibraries(options.provider);
    const log = pino({ level: logLevel, base: null }, pino.destination({ dest: 2, sync: false }));
    const fallback = await startFallback({
      ...defaultFallback,
      ...options,
      maxWaitMs,
      batchWaitMs,
      keepAliveSeconds,
      directory,
      token,
      hmacKeys,
      log,
    });
    // Answers the requests taken; a second Ctrl-C ends at once.
    const stop = () => void fallback.close();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    const { screening, provider, why, batchSize } = fallback.search;
    const { name, id } = screening;
    printResult(
      json,
      { url: fallback.url, model: name, id, provider, why, batchSize },
      `listening on ${fallback.url} (model ${name}, id ${id.slice(0, 12)}, provider ${provider}, ${why}, batches of ${batchSize})`,
    );
  });

/** Splits FALLBACK_HMAC_KEY. @throws UsageError if a key is shorter than 32 characters */
function hmacKeysOf(text: string | undefined): string[] {
  const keys = text?.split(',').map((key) => key.trim()) ?? [];
  if (keys.some((key) => key.length < 32))
    throw new UsageError('FALLBACK_HMAC_KEY is shorter than 32 characters; make one with openssl rand -hex 32');
  return keys;
}

/** Parses a batch size. @throws UsageError */
function batchSize(text: string): number | 'auto' {
  return text === 'auto' ? text : positive(text);
}

/** Parses seconds up to a day. @throws UsageError */
function keepAlive(text: string): number {
  const value = positive(text);
  if (value > 86_400) throw new UsageError(`${text} seconds are too long; 1 to 86400 are allowed`);
  return value;
}

/** Parses a port. @throws UsageError */
function port(text: string): number {
  const value = wholeNumber(text);
  if (value > 65535) throw new UsageError(`${text} is not a port; 0 to 65535 are`);
  return value;
}

/**
 * Restarts this process, under the same id, with ONNX Runtime's CUDA provider in LD_LIBRARY_PATH, if `pnpm backend install --gpu` has
 * brought it and it may be used; otherwise does nothing. The system's loader reads that variable only at the start of a process. ONNX
 * Runtime is then loaded from there and finds its provider and NVIDIA's libraries in the same folder.
 */
function useCudaLibraries(provider: Provider): void {
  if (provider !== 'auto' && provider !== 'cuda') return;
  const found = findCudaProviders().find(({ fault }) => fault === null);
  if (!found) return;
  const wanted = found.libraryPath.join(':');
  const { LD_LIBRARY_PATH: before } = process.env;
  if (before?.startsWith(wanted)) return;
  process.execve?.(process.execPath, [process.argv0, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    LD_LIBRARY_PATH: before ? `${wanted}:${before}` : wanted,
  });
}

await runCommand(program);
