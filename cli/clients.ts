import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Option } from 'commander';
import { rebuildFolder } from '../node/files/replace-folder.ts';
import { projectPath } from '../node/project-folder.ts';
import { readDescription } from './clients/description.ts';
import { generatorPython, writePythonClient } from './clients/python.ts';
import { writeTypescriptClient } from './clients/typescript.ts';
import { callersPath } from './paths.ts';
import { command, runCommand } from './run-command.ts';
import { startWorker } from './start-worker.ts';

const DESCRIPTION = `Generate clients of the worker, typed, from its OpenAPI description:
  typescript/   an npm package without dependencies, compiled, by @hey-api/openapi-ts
  python/       a package for pip, by openapi-python-client, which is installed at the first time (Python 3.11 or newer)`;

const EXAMPLES = `  pnpm clients
  pnpm clients --only typescript --url https://screen.example.com --out web/client`;

const program = command('clients', DESCRIPTION, EXAMPLES)
  .option('--url <url>', 'a running worker whose description is taken; without it, that of this version')
  .option('--out <folder>', 'folder to write, which is replaced', callersPath, projectPath('dist', 'clients'))
  .addOption(new Option('--only <language>', 'write one of them').choices(['typescript', 'python']))
  .option('--python <command>', 'Python that runs the generator', 'python3')
  .action(async ({ url, out, only, python }: { url?: string; out: string; only?: string; python: string }) => {
    // First, as it may be missing.
    const generator = only === 'typescript' ? null : await generatorPython(python);
    const worker = url === undefined ? await startWorker('mnist', {}) : null;
    const description = await readDescription(url ?? worker?.url ?? '').finally(() => worker?.close());
    await rebuildFolder(out, 'openapi.json', async (fresh) => {
      await writeFile(join(fresh, 'openapi.json'), `${JSON.stringify(description, null, 2)}\n`);
      if (only !== 'python') {
        await mkdir(join(fresh, 'typescript'));
        await writeTypescriptClient(description, join(fresh, 'typescript'));
      }
      if (generator) await writePythonClient(description, join(fresh, 'python'), generator);
    });
    if (only !== 'python') console.log(`TypeScript: npm install ${join(out, 'typescript')}`);
    if (generator) console.log(`Python:     pip install ${join(out, 'python')}`);
  });

await runCommand(program);
