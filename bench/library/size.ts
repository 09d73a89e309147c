import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeFolder } from '../../node/files/files.ts';

/** The page's script that needs least: it opens a bundle and screens. */
const SCRIPT = `import { createScreener, fetchBundle } from 'portcullis/browser';
const screener = await createScreener(await fetchBundle('model'));
globalThis.screen = (image) => screener.screen(image);
`;

/**
 * Bundles a page that only screens, with Vite, and measures what a browser loads for it.
 *
 * @param built folder of the built package
 * @param folder an empty folder for the page
 * @returns kB after gzip: scripts with the kernels, and each decoder, which is loaded when a file of its format comes; and the files that
 *   the scripts were made of
 */
export async function browserSize(
  built: string,
  folder: string,
): Promise<{ screen: number; decoders: Record<string, number>; modules: string[] }> {
  const { build } = await import('vite');
  await makeFolder(join(folder, 'node_modules'));
  await symlink(built, join(folder, 'node_modules/portcullis'));
  await writeFile(join(folder, 'main.js'), SCRIPT);
  await writeFile(join(folder, 'index.html'), '<script type="module" src="./main.js"></script>');
  const output = await build({ root: folder, logLevel: 'error', configFile: false, build: { target: 'es2022', assetsInlineLimit: 0 } });
  const assets = join(folder, 'dist/assets');
  const decoders: Record<string, number> = {};
  let screen = 0;
  for (const file of await readdir(assets)) {
    const size = gzipSync(await readFile(join(assets, file)), { level: 9 }).length / 1000;
    if (extname(file) === '.wasm' && !file.startsWith('screening')) decoders[file.replace(/-[^-]*$/, '')] = size;
    else screen += size;
  }
  const chunks = 'output' in output ? output.output : [];
  const modules = chunks.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  return { screen, decoders, modules };
}
