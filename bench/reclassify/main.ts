import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import jstat from 'jstat';
import { modelOfBundle } from '../../evaluate/model-of-bundle.ts';
import { openScreener } from '../../evaluate/screen-images.ts';
import { defaultSearch, type SearchOptions } from '../../export/reclassify-graph.ts';
import { useWasm } from '../../trainer/backend/wasm.ts';
import { dataSourceSchema, openDataset } from '../../trainer/data/open-dataset.ts';
import { rejects } from './rejects.ts';
import { openSolver } from './solver.ts';

/**
 * The search of reclassify.onnx beside 200 steps of Adam from every mean, on the same rejected images, in turns on one thread: how
 * often each is right, exact McNemar test of the difference, time.
 *
 *   pnpm bench:reclassify [--model NAME] [--data-dir DIR] [--images N] [--out FILE]
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'mnist' },
    'data-dir': { type: 'string' },
    images: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    /** More searches to compare: STARTSxSTEPS,…@LEARNING_RATE */
    search: { type: 'string', multiple: true, default: [] },
    out: { type: 'string' },
  },
});

await useWasm();
const directory = join('models', values.model);
const screener = await openScreener(directory);
const { screening } = screener;
const model = await modelOfBundle(directory, screening);
const { dataset: name } = screening.provenance;
const folder =
  name === 'images' ? { imageSize: screening.input.height, channels: screening.input.channels } : { imageSize: null, channels: null };
const dataset = await openDataset(dataSourceSchema.parse({ dataset: name, dataDir: values['data-dir'] ?? null, ...folder }));
const parts = { ...model, input: screening.input, means: screening.means, covariances: screening.covariances };

const searches: Record<string, SearchOptions> = {
  'Adam, 200 steps from every mean': { stages: [{ starts: screening.classes.length, steps: 200 }], encoding: false, learningRate: 0.05 },
  'as exported': defaultSearch,
  ...Object.fromEntries(values.search.map((text) => [text, searchOf(text)])),
};
const solvers = await Promise.all(Object.entries(searches).map(async ([name, search]) => ({ name, ...(await openSolver(parts, search)) })));

/** A turn takes a second or some. */
const imagesATurn = parts.input.height > 64 ? 4 : 16;

const rows = [];
for await (const set of rejects(screener, model, dataset, Number(values.images), 1)) {
  if (!set.name.includes(values.only)) continue;
  const right = solvers.map(() => [] as boolean[]);
  const errors = solvers.map(() => 0);
  const times = solvers.map(() => [] as number[]);
  const size = set.images.length / set.labels.length;
  // In turns, so that whatever else the machine does meets all alike.
  for (let first = 0; first < set.labels.length; first += imagesATurn) {
    const labels = set.labels.slice(first, first + imagesATurn);
    for (const [i, { solve }] of solvers.entries()) {
      const found = await solve(set.images.subarray(first * size, (first + labels.length) * size));
      right[i]?.push(...found.labels.map((label, j) => label === labels[j]));
      errors[i] = (errors[i] as number) + found.errors.reduce((sum, error) => sum + error, 0);
      times[i]?.push(found.milliseconds / labels.length);
    }
  }
  const [base] = right as [boolean[]];
  const median = (sample: readonly number[]) => [...sample].sort((a, b) => a - b)[Math.floor(sample.length / 2)] as number;
  console.log(`\n${set.name}, ${set.labels.length} images`);
  const table = solvers.map(({ name }, i) => {
    const lost = base.filter((was, j) => was && !right[i]?.[j]).length;
    const won = base.filter((was, j) => !was && right[i]?.[j]).length;
    return {
      name,
      right: (100 * (right[i] as boolean[]).filter(Boolean).length) / set.labels.length,
      lost,
      won,
      /** Of a difference at least as large, were both as good. */
      p: lost + won === 0 ? 1 : Math.min(1, 2 * jstat.jStat.binomial.cdf(Math.min(lost, won), lost + won, 0.5)),
      error: (errors[i] as number) / set.labels.length,
      milliseconds: median(times[i] as number[]),
      faster: median((times[0] as number[]).map((time, j) => time / (times[i]?.[j] as number))),
    };
  });
  rows.push({ set: set.name, images: set.labels.length, table });
  console.table(
    Object.fromEntries(
      table.map(({ name, ...row }) => [
        name,
        Object.fromEntries(Object.entries(row).map(([key, value]) => [key, Number(value.toFixed(2))])),
      ]),
    ),
  );
}
if (values.out) await writeFile(values.out, `${JSON.stringify({ model: screening.name, id: screening.id, searches, rows }, null, 1)}\n`);
for (const { close } of solvers) await close();
await screener.close();

function searchOf(text: string): SearchOptions {
  const [stages = '', rate] = text.split('@');
  const numbers = stages.split(',').map((stage) => stage.split('x').map(Number));
  return {
    ...defaultSearch,
    stages: numbers.map(([starts = 0, steps = 0]) => ({ starts, steps })),
    learningRate: Number(rate ?? defaultSearch.learningRate),
  };
}
