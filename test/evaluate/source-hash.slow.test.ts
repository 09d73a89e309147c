import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { importsOf } from '../../evaluate/jobs/source-hash.ts';

const ROOT = join(import.meta.dirname, '../..');
const ROOMS = ['attacks', 'evaluate', 'trainer', 'node', 'shared'];

/** Files of a copied tree that are changed, one after the other: what is replaced by what; a comment is added without. */
const CHANGES = {
  severity: ['evaluate/images/corruptions.ts', '15, 25, 35, 45', '15, 25, 35, 46'],
  relay: ['attacks/relay.ts'],
  square: ['attacks/square-moves.ts'],
  fgsm: ['attacks/fgsm.ts'],
  nonsense: ['trainer/data/unknown/nonsense.ts'],
  classifier: ['evaluate/measure/plain-classifier.ts'],
  endpoint: ['evaluate/measure/endpoint.ts'],
  gradients: ['evaluate/measure/gradient-check.ts'],
  starts: ['evaluate/measure/attacker.ts'],
  screening: ['evaluate/measure/screen.ts'],
  graphs: ['node/bundle/graphs.ts'],
  decision: ['shared/decision/decide.ts'],
  list: ['attacks/list.ts'],
  adaptive: ['evaluate/protocols/adaptive.ts'],
  figures: ['evaluate/figures/sanity.ts'],
  radii: ['evaluate/measure/radii.ts', '[5, 10, 25, 50]', '[5, 10, 20, 50]'],
} satisfies Record<string, [file: string, find?: string, replace?: string]>;

/** Prints the parts whose hash changes with each of CHANGES, as the tree's own code has it, and the number of all parts. */
const SCRIPT = `import { readFileSync, writeFileSync } from 'node:fs';
import { protocols } from './evaluate/protocols/list.ts';
const screening = JSON.parse(readFileSync('screening.json', 'utf8'));
const others = [{ directory: 'b', name: 'b', id: 'b', entropy: 'variable' }];
const asked = { test: 100, search: false, endpoint: { url: 'u', key: 'k' }, others, unknown: { name: 'x', count: 5, sha256: 's' } };
const hashes = async (name) => {
  const { sourceHash } = await import('./evaluate/jobs/source-hash.ts?' + name);
  return Object.values(protocols).flatMap((protocol) =>
    protocol.parts(screening, asked).map((part) => [protocol.name + ': ' + part.name, sourceHash(part, protocol)]));
};
const before = await hashes('before');
const changed = {};
for (const [name, [file, find, replace]] of Object.entries(JSON.parse(process.argv[2]))) {
  const text = readFileSync(file, 'utf8');
  if (find && !text.includes(find)) throw new Error(file + ' has no ' + find);
  writeFileSync(file, find ? text.replace(find, replace) : text + '// changed\\n');
  changed[name] = (await hashes(name)).flatMap(([part, hash], i) => hash === before[i][1] ? [] : [part]);
  writeFileSync(file, text);
}
console.log(JSON.stringify({ all: before.length, changed }));
`;

let all: number;
let changed: Record<keyof typeof CHANGES, string[]>;
beforeAll(async () => {
  const tree = await mkdtemp(join(tmpdir(), 'portcullis-'));
  for (const room of ROOMS) await cp(join(ROOT, room), join(tree, room), { recursive: true });
  for (const file of ['package.json', 'models/mnist/screening.json'])
    await cp(join(ROOT, file), join(tree, file.split('/').at(-1) as string));
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  await writeFile(join(tree, 'hashes.ts'), SCRIPT);
  const args = [join(tree, 'hashes.ts'), JSON.stringify(CHANGES)];
  ({ all, changed } = JSON.parse(execFileSync(process.execPath, args, { cwd: tree, encoding: 'utf8' })));
  await rm(tree, { recursive: true });
}, 60_000);

describe('a part is done again', () => {
  it("where a corruption's severity has changed: all corruptions, and no attack", () => {
    expect(changed.severity).toHaveLength(11 * 5);
    for (const part of changed.severity) expect(part).toMatch(/^corruptions: .*, severity \d: .*$/);
  });

  it('where its own attack has changed; no other part is', () => {
    // Once in adaptive, twice in convergence.
    expect(changed.relay).toHaveLength(3 * 2 * 4);
    for (const part of changed.relay) expect(part).toMatch(/^(adaptive|convergence): relay of APGD/);
    expect(changed.square).toHaveLength(2 * 5);
    for (const part of changed.square) expect(part).toMatch(/^black-box: Square/);
    expect(changed.fgsm.length).toBeGreaterThan(10);
    for (const part of changed.fgsm) expect(part).toMatch(/FGSM/);
  });

  it.each([
    ['nonsense', /uniform noise|blank pages|drawn nonsense|unknown/],
    ['classifier', /transfer of|generated images, Frechet distance/],
    ['endpoint', /through the HTTP door/],
    ['gradients', /^adaptive: clean test images/],
    ['adaptive', /^adaptive: /],
  ] as const)('where %s has changed: what is made by it', (name, made) => {
    expect(changed[name].length).toBeGreaterThan(0);
    for (const part of changed[name]) expect(part).toMatch(made);
  });

  it('where anything has changed that all rest on', () => {
    for (const name of ['starts', 'screening', 'graphs', 'decision'] as const) expect(changed[name], name).toHaveLength(all);
  });

  it('never because of the list of attacks, of other radii, or of figures that are made of outcomes', () => {
    expect([changed.list, changed.radii, changed.figures]).toEqual([[], [], []]);
  });
});

it('imports are those that TypeScript finds once types are gone, in every file of the rooms', async () => {
  const files = execFileSync('git', ['ls-files', '-z', ...ROOMS.map((room) => `${room}/*.ts`)], { cwd: ROOT, encoding: 'utf8' });
  const options = { compilerOptions: { verbatimModuleSyntax: true, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext } };
  for (const file of files.split('\0').filter(Boolean)) {
    const text = await readFile(join(ROOT, file), 'utf8').catch(() => '');
    const { importedFiles } = ts.preProcessFile(ts.transpileModule(text, options).outputText, true, true);
    expect([...new Set(importsOf(text))].sort(), file).toEqual([...new Set(importedFiles.map(({ fileName }) => fileName))].sort());
  }
});
