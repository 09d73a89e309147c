import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { runProgram } from '../../node/processes/run-program.ts';
import type { Description } from './description.ts';

/** Without the types of Node: the client runs wherever there is fetch. */
const COMPILER = [
  '--declaration',
  '--target',
  'es2022',
  '--module',
  'nodenext',
  '--lib',
  'es2022,dom,dom.iterable',
  '--skipLibCheck',
  '--ignoreConfig',
];

/**
 * Writes an npm package without dependencies: a function for each operation, with the types of its bodies and answers.
 *
 * @param folder exists and is empty
 * @throws Error with the compiler's messages, if what was generated does not compile
 */
export async function writeTypescriptClient(description: Description, folder: string): Promise<void> {
  const source = await mkdtemp(join(folder, 'source-'));
  await createClient({
    input: description as never,
    output: { path: source, module: { extension: '.js' } },
    plugins: [{ name: '@hey-api/client-fetch', includeInEntry: true }, '@hey-api/typescript', '@hey-api/sdk'],
    logs: { level: 'silent', file: false },
  });
  const { version } = description.info;
  const manifest = {
    ...{ name: 'portcullis-client', version, license: 'MIT', type: 'module', sideEffects: false },
    description: 'Asks a Portcullis worker, which screens images in front of a classifier.',
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const args = [compiler, ...COMPILER, '--rootDir', source, '--outDir', folder, join(source, 'index.ts')];
  const { code, output } = await runProgram(process.execPath, args, { output: 'kept' });
  if (code !== 0) throw new Error(`the generated TypeScript client does not compile:\n${output}`);
  await rm(source, { recursive: true });
}
