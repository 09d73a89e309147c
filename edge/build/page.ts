import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { build } from 'esbuild';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { FORMATS } from '../../shared/images/formats.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'page');

type PageModel = Pick<Screening, 'provenance' | 'classes' | 'input'>;

/** The files of the page, by the last part of their path. */
export type PageFiles = Record<string, Uint8Array>;

/**
 * Builds the page: its scripts and style, each in one file, the WebAssembly that it runs, and samples of the model's data set, if there are any
 * (`pnpm samples`).
 */
export async function buildPage(model: PageModel): Promise<PageFiles> {
  // Built apart, so that neither thread waits for what both need; what is not needed at first is split off.
  const [page, engine] = await Promise.all([bundled(['main.ts', 'style/page.css']), bundled(['engine/engine.ts'])]);
  const { resolve } = createRequire(join(ROOT, 'shared/images/formats.ts'));
  const decoders = FORMATS.flatMap(({ name, wasm }) => (wasm ? [[`${name}.wasm`, readFile(resolve(wasm))] as const] : []));
  const files = {
    ...page,
    ...engine,
    'index.html': readFile(join(PAGE, 'index.html')),
    'icon.svg': readFile(join(PAGE, 'icon.svg')),
    'kernels.wasm': readFile(join(ROOT, 'shared/kernels/screening.wasm')),
    'samples.json': samplesOf(model),
    ...Object.fromEntries(decoders),
  };
  const entries = Object.entries(files).map(async ([name, bytes]) => [name, await bytes] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Bundles files of the page. @returns the results, by name */
async function bundled(entryPoints: string[]): Promise<PageFiles> {
  const { outputFiles } = await build({
    absWorkingDir: PAGE,
    entryPoints,
    splitting: true,
    entryNames: '[name]',
    outdir: '/',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    logLevel: 'error',
  });
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [path.split(/[\\/]/).at(-1), contents]));
}

/** Returns the samples of a model's data set (`pnpm samples`) as JSON; an empty list if there are none of its classes and size. */
async function samplesOf({ provenance, classes, input }: PageModel): Promise<Uint8Array> {
  const text = await readFile(join(PAGE, 'samples', `${provenance.dataset}.json`), 'utf8').catch(() => null);
  const found = text === null ? null : JSON.parse(text);
  const fits = found && isDeepStrictEqual([found.classes, found.input], [classes, input]);
  return Buffer.from(JSON.stringify(fits ? found.samples : []));
}

/** Returns the module `generated/page.js`: each file's bytes by its name, and a hash of all; or null for a worker without the page. */
export function pageModule(files: PageFiles | null): string {
  if (!files) return 'export const page = null;\n';
  const names = Object.keys(files);
  const version = createHash('sha256');
  for (const name of names) version.update(`${name}\n`).update(files[name] as Uint8Array);
  const imports = names.map((name, i) => `import file${i} from './page/${name}.bin';\n`);
  const members = names.map((name, i) => `  ${JSON.stringify(name)}: file${i},\n`);
  return `${imports.join('')}export const page = { version: '${version.digest('hex')}', files: {\n${members.join('')}} };\n`;
}
