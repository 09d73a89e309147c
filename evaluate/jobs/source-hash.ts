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
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const todo = [...EVERY_PART, ...sources].map((url) => fileURLToPath(url));
  for (let file = todo.pop(); file; file = todo.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const module = moduleOf(file);
    todo.push(...module.files);
    for (const name of module.packages) packages.add(name);
  }
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
  const module: Module = { hash: createHash('sha256').update(content).digest('hex'), files: [], packages: [] };
  if (!file.endsWith('.ts')) return module;
  const text = content.toString();
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) module.files.push(join(dirname(file), specifier));
    else if (!specifier.startsWith('node:')) module.packages.push(packageOf(specifier));
  }
  // Files that are read at run time, such as compiled kernels, or that a thread is started with.
  for (const [, path] of text.matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g)) {
    const loaded = join(dirname(file), path as string);
    if (existsSync(loaded)) module.files.push(loaded);
  }
  return module;
}

/** Lists the specifiers that a module imports; leaves out imports of types alone. */
export function importsOf(text: string): string[] {
  const [imports] = parse(text);
  return imports.flatMap((found) => ('specifier' in found && !('typeOnly' in found && found.typeOnly) && found.specifier) || []);
}

const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The installed version of a package; empty where it is not installed, as an optional one. */
function versionOf(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : '';
}
