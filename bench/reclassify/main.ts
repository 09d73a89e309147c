import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultSearch, type SearchOptions } from '../../export/search-options.ts';
import { openScreener } from '../../node/bundle/graphs.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { dataSourceSchema, openDataset } from '../../trainer/data/datasets.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { compare } from './compare.ts';
import { rejects } from './rejects.ts';
import { openSolver } from './solver.ts';
import { keptTurns, type Turn, turnsOf } from './turns.ts';

/**
 * The search of reclassify.onnx beside 200 steps of Adam from every mean, on the same rejected images, in turns on one thread: how
 * often each is right, exact McNemar test of the difference, time.
 *
 *   pnpm bench:reclassify [--model NAME] [--data-dir DIR] [--images N] [--only TEXT] [--search …]
 *     [--keep FILE] [--out FILE]
 *
 * Long ones can be stopped: with --keep, what is in FILE is not searched again.
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'mnist-paper' },
    'data-dir': { type: 'string' },
    images: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    /** More searches to compare: STARTSxSTEPS,…@LEARNING_RATE/PRIOR/ENCODER */
    search: { type: 'string', multiple: true, default: [] },
    keep: { type: 'string' },
    out: { type: 'string' },
  },
});

await useWasm();
const directory = join('models', values.model);
const screener = await openScreener(directory);
const { screening } = screener;
const model = await rebuildModel(directory);
const { dataset: name } = screening.provenance;
const folder =
  name === 'images' ? { imageSize: screening.input.height, channels: screening.input.channels } : { imageSize: null, channels: null };
const dataset = await openDataset(dataSourceSchema.parse({ dataset: name, dataDir: values['data-dir'] ?? null, ...folder }));
const parts = { ...screening, ...model };

const exported = defaultSearch(screening.thresholds);
const PAPER = { priorWeight: 0, encoderWeight: 0 };
const searches: Record<string, SearchOptions> = {
  'Adam, 200 steps from every mean': {
    ...PAPER,
    stages: [{ starts: screening.classes.length, steps: 200 }],
    encoding: false,
    learningRate: 0.05,
  },
  'as exported': exported,
  'the same without prior and encoder': { ...exported, ...PAPER },
  ...Object.fromEntries(values.search.map((text) => [text, searchOf(text)])),
};
const names = Object.keys(searches);
const solvers = await Promise.all(Object.values(searches).map((search) => openSolver(parts, search)));

/** A turn takes a second or some; of large images minutes. */
const imagesATurn = parts.input.height > 64 ? 2 : 16;
const identity = JSON.stringify({ modelId: screening.modelId, searches });
const kept = await keptTurns(values.keep ?? null);
const before = loadavg()[0] as number;

const rows = [];
for await (const set of rejects(screener, model, dataset, Number(values.images), 1)) {
  if (!set.name.includes(values.only)) continue;
  const turns: Turn[] = [];
  for await (const turn of turnsOf(set, solvers, imagesATurn, identity, kept, values.keep ?? null)) turns.push(turn);
  rows.push({ set: set.name, turns });
  tell(set.name, turns);
}
const all = rows.flatMap(({ turns }) => turns);
if (rows.length > 1) tell('all of them', all);
if (values.out) {
  const figures = {
    model: screening.name,
    id: screening.id,
    loadAverage: { before, after: loadavg()[0] },
    searches,
    rows: [...rows, { set: 'all of them', turns: all }].map(({ set, turns }) => ({
      set,
      images: turns.flatMap(({ labels }) => labels).length,
      table: compare(names, turns),
    })),
  };
  await writeFile(values.out, `${JSON.stringify(figures, null, 1)}\n`);
}
for (const { close } of solvers) await close();
await screener.close();

function tell(set: string, turns: readonly Turn[]): void {
  console.log(`\n${set}, ${turns.flatMap(({ labels }) => labels).length} images`);
  const rounded = ([key, value]: [string, number]) => [key, Number(value.toFixed(2))];
  console.table(
    Object.fromEntries(compare(names, turns).map(({ name, ...row }) => [name, Object.fromEntries(Object.entries(row).map(rounded))])),
  );
}

function searchOf(text: string): SearchOptions {
  const [stages = '', rate, prior, encoder] = text.split(/[@/]/);
  const numbers = stages.split(',').map((stage) => stage.split('x').map(Number));
  return {
    ...exported,
    stages: numbers.map(([starts = 0, steps = 0]) => ({ starts, steps })),
    learningRate: Number(rate ?? exported.learningRate),
    priorWeight: Number(prior ?? exported.priorWeight),
    encoderWeight: Number(encoder ?? exported.encoderWeight),
  };
}
