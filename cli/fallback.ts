import { Option } from 'commander';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { resolveModel } from './resolve-model.ts';
import { command, runCommand, wholeNumber } from './run-command.ts';

const program = command(
  'fallback',
  'Serve the search for the true class of rejected images (Open Inference Protocol v2), until Ctrl-C.',
  '  pnpm fallback\n  pnpm fallback --model mnist --port 9000',
)
  .option('--model <name>', 'in models/, or a folder (default: the active model, else mnist)')
  .option('--host <address>', 'to listen on', defaultFallback.host)
  .option('--port <n>', 'to listen on, 0 for any', wholeNumber, defaultFallback.port)
  .addOption(new Option('--provider <name>', 'of ONNX Runtime').choices(['auto', 'cuda', 'webgpu', 'cpu']).default('auto'))
  .option('--threads <n>', 'that search', wholeNumber, defaultFallback.threads)
  .option('--max-queue <n>', 'requests that may wait', wholeNumber, defaultFallback.maxQueue)
  .option('--json', 'print the address as JSON')
  .action(async (options) => {
    const directory = await resolveModel(options.model);
    const fallback = await startFallback({ ...defaultFallback, ...options, directory, threads: Math.max(1, options.threads) });
    const { screening, provider, why } = fallback.search;
    if (options.json) console.log(JSON.stringify({ url: fallback.url, model: screening.name, id: screening.id, provider }));
    else
      console.log(`listening on ${fallback.url} (model ${screening.name}, id ${screening.id.slice(0, 12)}, provider ${provider}, ${why})`);
    const stop = () => void fallback.close();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });

await runCommand(program);
