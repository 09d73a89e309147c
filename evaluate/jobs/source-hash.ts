import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { init, parse } from 'es-module-lexer';
import type { Part, Protocol } from '../measure/protocol.ts';

await init;

const ROOT = join(import.meta.dirname, '../..');
/** Every part depends on these: how the bundle, its model and the images are opened, and what computes the gradients. */
const EVERY_PART = [new URL('../measure/context.ts', import.meta.url), new URL('../../trainer/backend/backends.ts', import.meta.url)];

/** A file's own hash, the files that it loads, and the packages that it imports. */
interface Module {
  hash: string;
  files: string[];
  packages: string[];
}

const modules = new Map<string, Module>();

/**
 * Hashes everything that a part's outcomes depend on beside bundle, seed and backend: the protocol's file, the modules that the part names
 * with all that they import, the installed versions of the packages among those, and the part's own data. A change of another attack
 * changes nothing of it.
 */
export function sourceHash({ sources, data }: Pick<Part, 'sources' | 'data'>, { source }: Pick<Protocol, 'source'>): string {
  const files = new Set([...EVERY_PART, ...sources].map((url) => fileURLToPath(url)));
  // A set's iteration goes on with what is added to it.
  for (const file of files) for (const imported of moduleOf(file).files) files.add(imported);
  const packages = new Set([...files].flatMap((file) => moduleOf(file).packages));
  // Of the protocol its text alone, as it imports all of its attacks.
  files.add(fileURLToPath(source));
  const hash = createHash('sha256').update(data ?? '');
  const named = [...files].map((file) => [relative(ROOT, file), moduleOf(file).hash] as const);
  for (const [name, own] of named.sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name} ${own}\n`);
  for (const name of [...packages].sort()) hash.update(`${name} ${versionOf(name)}\n`);
  return hash.digest('hex');
}

function moduleOf(file: string): Module {
  const known = modules.get(file) ?? read(file);
  modules.set(file, known);
  return known;
}

/** Reads a module, TypeScript as it is. */
function read(file: string): Module {
  const content = readFileSync(file);
  const hash = createHash('sha256').update(content).digest('hex');
  if (!file.endsWith('.ts')) return { hash, files: [], packages: [] };
  const text = content.toString();
  const imported = importsOf(text);
  // Files that are read at run time, such as compiled kernels, or that a thread is started with.
  const loaded = [...text.matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g)].map(([, path]) => join(dirname(file), path as string));
  return {
    hash,
    files: [...imported.filter((name) => name.startsWith('.')).map((name) => join(dirname(file), name)), ...loaded.filter(existsSync)],
    packages: imported.filter((name) => !/^(\.|node:)/.test(name)).map(packageOf),
  };
}

/** Lists the specifiers that a module imports; leaves out imports of types alone. */
export function importsOf(text: string): string[] {
  const [imports] = parse(text);
  return imports.flatMap((found) => ('specifier' in found && !('typeOnly' in found && found.typeOnly) && found.specifier) || []);
}

const packageOf = (specifier: string) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] as string;

/** The installed version of a package; empty where it is not installed, as an optional one. */
function versionOf(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : '';
}
