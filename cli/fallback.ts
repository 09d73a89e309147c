import { Option } from 'commander';
import { pino } from 'pino';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { UsageError } from '../shared/user-error.ts';
import { resolveModel } from './resolve-model.ts';
import { command, positive, runCommand, wholeNumber } from './run-command.ts';
import { useCudaLibraries } from './use-cuda-libraries.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

const program = command(
  'fallback',
  'Serve the search for the true class of rejected images (Open Inference Protocol v2), until Ctrl-C.\n' +
    'Where FALLBACK_TOKEN is set, requests must carry it: Authorization: Bearer TOKEN. Where FALLBACK_HMAC_KEY is set (two with a comma\n' +
    'between while one is replaced), inference requests must be signed with it, as the worker does.',
  '  pnpm fallback\n  pnpm fallback --model mnist --port 9000\n  FALLBACK_TOKEN=… pnpm fallback --host 0.0.0.0 --threads 4 --log-level warn',
)
  .option('--model <name>', 'in models/, or a folder (default: the active model, else mnist)')
  .option('--host <address>', 'to listen on', defaultFallback.host)
  .option('--port <n>', 'to listen on, 0 for any', port, defaultFallback.port)
  .addOption(new Option('--provider <name>', 'of ONNX Runtime').choices(['auto', 'cuda', 'webgpu', 'cpu']).default('auto'))
  .option('--threads <n>', 'that search', positive, defaultFallback.threads)
  .option('--max-queue <n>', 'requests that may wait', wholeNumber, defaultFallback.maxQueue)
  .option('--max-wait <ms>', 'until a search begins; what can not begin by then is refused', positive, defaultFallback.maxWaitMs)
  .option('--batch-size <n>', 'images in one search, or auto: measured at the start', batchSize, defaultFallback.batchSize)
  .option('--batch-wait <ms>', 'that a free thread waits for a batch to fill', wholeNumber, defaultFallback.batchWaitMs)
  .option('--max-images <n>', 'in a request', positive, defaultFallback.maxImages)
  .option('--max-bytes <n>', 'of a request', positive, defaultFallback.maxBytes)
  .option(
    '--keep-alive <seconds>',
    'that an idle connection stays open; longer than that of what stands before it',
    keepAlive,
    defaultFallback.keepAliveSeconds,
  )
  .addOption(new Option('--log-level <level>', 'of the log on stderr, lines of JSON').choices(LEVELS).default('info'))
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
    // Answers what was taken; a second Ctrl-C ends at once.
    const stop = () => void fallback.close();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    const { screening, provider, why, batchSize } = fallback.search;
    if (json) console.log(JSON.stringify({ url: fallback.url, model: screening.name, id: screening.id, provider, why, batchSize }));
    else
      console.log(
        `listening on ${fallback.url} (model ${screening.name}, id ${screening.id.slice(0, 12)}, provider ${provider}, ${why}, batches of ${batchSize})`,
      );
  });

await runCommand(program);

/** @throws UsageError where it is set and holds a key that is too short, or none */
function hmacKeysOf(text: string | undefined): string[] {
  const keys = text?.split(',').map((key) => key.trim()) ?? [];
  if (keys.some((key) => key.length < 32))
    throw new UsageError('FALLBACK_HMAC_KEY is shorter than 32 characters; make one with openssl rand -hex 32');
  return keys;
}

/** @throws UsageError */
function batchSize(text: string): number | 'auto' {
  return text === 'auto' ? text : positive(text);
}

/** Parses seconds. @throws UsageError if they are more than a day */
function keepAlive(text: string): number {
  const value = positive(text);
  if (value > 86_400) throw new UsageError(`${text} seconds are too long; 1 to 86400 are allowed`);
  return value;
}

/** @throws UsageError */
function port(text: string): number {
  const value = wholeNumber(text);
  if (value > 65535) throw new UsageError(`${text} is not a port; 0 to 65535 are`);
  return value;
}
