import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifest } from '../../library/build/manifest.ts';
import typedoc from '../../typedoc.json' with { type: 'json' };

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
/** A busy machine takes a minute for the pages. */
const LIMIT_MS = 300_000;

/** The files of the package's entries, as they are called before they are compiled. */
const entries = [
  ...new Set(
    Object.values(manifest().exports as object)
      .flatMap((one) => (typeof one === 'string' ? [] : 'types' in one ? [one] : Object.values(one)))
      .map(({ types }: { types: string }) => types.replace(/^\.\//, '').replace(/\.d\.ts$/, '.ts')),
  ),
].sort();

/** Reads the pages of a folder, by name. */
async function pagesOf(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.md')).sort();
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const)));
}

describe('the pages of the API', () => {
  let folder = '';
  let committed: Record<string, string> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-api-'));
    committed = await pagesOf(join(ROOT, 'docs/api'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(
    'are what pnpm docs:api makes of the docstrings',
    async () => {
      await run(process.execPath, [join(ROOT, 'node_modules/typedoc/bin/typedoc'), '--out', folder], { cwd: ROOT });
      expect(await pagesOf(folder)).toEqual(committed);
    },
    LIMIT_MS,
  );

  it('have a page for each entry of the package, with all that it exports and nothing else', () => {
    expect(typedoc.entryPoints.toSorted()).toEqual(entries);
    const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, ROOT);
    const program = ts.createProgram(
      entries.map((file) => join(ROOT, file)),
      options,
    );
    const checker = program.getTypeChecker();
    for (const file of entries) {
      const source = program.getSourceFile(join(ROOT, file)) as ts.SourceFile;
      const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol).map(({ name }) => name);
      const page = committed[file.replace(/^library\//, '').replace(/ts$/, 'md')] ?? '';
      const documented = [...page.matchAll(/^### (\w+)/gm)].map(([, name]) => name);
      expect([file, documented.sort()]).toEqual([file, exported.sort()]);
    }
  });
});
