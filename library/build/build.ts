import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { ROOT } from '../../node/project-folder.ts';
import { addAssets } from './assets.ts';
import { manifest } from './manifest.ts';

/**
 * Builds the package: compiled modules with their types, one for each module of the project that an entry needs, the WebAssembly beside
 * them, and a package.json of its own. Nothing is bundled, so bundlers leave out what is not used.
 *
 * @param target a folder that is made again as a whole
 * @throws Error if the code does not compile; the folder is then as it was
 */
export async function buildPackage(target = join(ROOT, 'dist')): Promise<void> {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript-7/package.json')), 'bin/tsc');
  await rebuildFolder(target, 'package.json', async (fresh) => {
    const args = [compiler, '-p', join(import.meta.dirname, 'tsconfig.json'), '--outDir', fresh];
    const { code } = await runProgram(process.execPath, args, { output: 'stderr' });
    if (code !== 0) throw new Error('the package does not compile');
    await nameCompiledFiles(fresh);
    await addAssets(ROOT, fresh);
    await writeFile(join(fresh, 'README.md'), withoutPlaces(await readFile(join(ROOT, 'docs/library.md'), 'utf8')));
    await writeFile(join(fresh, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  });
}

/** Turns links to pages of the project, which the package does not have, into their texts. */
const withoutPlaces = (text: string) => text.replaceAll(/\[([^\]]+)\]\((?!https?:)[^)]*\)/g, '$1');

/** Makes the declarations import compiled files: the compiler does it in modules only, and some tools do not find `.ts` files by it. */
async function nameCompiledFiles(folder: string): Promise<void> {
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.d.ts')) continue;
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), text.replaceAll(/(['"])(\.{1,2}\/[^'"\n]+)\.ts\1/g, '$1$2.js$1'));
  }
}
