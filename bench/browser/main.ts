import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { referenceRecipes } from '../../node/bundle/models-folder.ts';
import { type Screening, screeningSchema } from '../../shared/bundle/screening-schema.ts';
import { startDeployed } from '../reliability/deployed-worker.ts';
import { mixedImages } from './mixed-images.ts';
import { openScreeningPage, type ScreeningPage } from './open-page.ts';
import { compareVerdicts, type PlainVerdict } from './verdicts.ts';
import { workerVerdicts } from './worker-verdicts.ts';

/**
 * Screens the same images in the worker, as deployed, and in a page in Chromium on each runtime, every reference bundle in batches of
 * several sizes: all images in the first size, ten calls of each other. Prints the time for an image, and exits with 1 if a verdict differs although no score is next to its threshold, or the
 * page asked for anything elsewhere. WebGPU is SwiftShader's: its times say nothing of a graphics card.
 *
 *   pnpm bench:browser [--models NAME,…] [--images 500] [--batches 64,8,1] [--calls 10] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    images: { type: 'string', default: '500' },
    batches: { type: 'string', default: '64,8,1' },
    calls: { type: 'string', default: '10' },
    figures: { type: 'string' },
  },
});
const models = options.models?.split(',') ?? Object.keys(await referenceRecipes());
const batches = options.batches.split(',').map(Number);
/** WebGPU by software takes seconds for a few large images. */
const countOf = ({ input }: Screening) =>
  input.height * input.width > 4096 ? Math.ceil(Number(options.images) / 10) : Number(options.images);

const rows: object[] = [];
const wrong: string[] = [];
let browser = '';
for (const model of models) {
  const screening = screeningSchema.parse(JSON.parse(await readFile(`models/${model}/screening.json`, 'utf8')));
  const images = await mixedImages(screening, countOf(screening));
  const worker = await startDeployed(model, { LOG_REQUESTS: 'off', LOG_DECISIONS: 'off' });
  const expected = await workerVerdicts(worker.url, images, images.length / countOf(screening)).finally(() => worker.close());
  const page = await openScreeningPage({ [model]: images }, true);
  browser = page.version;
  try {
    for (const runtime of ['kernels', 'wasm', 'webgpu'] as const) await measure(page, { model, runtime, screening, expected });
    wrong.push(...page.failures);
  } finally {
    await page.close();
  }
}
for (const line of wrong) console.error(line);
if (options.figures) await writeFigures(options.figures);
if (wrong.length > 0) process.exitCode = 1;

interface Measured {
  model: string;
  runtime: 'kernels' | 'wasm' | 'webgpu';
  screening: Screening;
  expected: readonly PlainVerdict[];
}

async function measure(page: ScreeningPage, { model, runtime, screening, expected }: Measured): Promise<void> {
  const { info, openMs, runs } = await page.screen({ model, runtime, batches, calls: Number(options.calls) });
  if (runtime === 'webgpu' && info.provider !== 'webgpu') wrong.push(`${model}: ${info.instead}`);
  for (const { batch, results, ms } of runs) {
    const { different, near } = compareVerdicts(results, expected.slice(0, batch === batches[0] ? undefined : results.length), screening);
    wrong.push(...different.map((what) => `${model} on ${runtime}, ${batch} at once, ${what}`));
    const accepted = results.filter(({ verdict }) => verdict === 'accepted').length;
    const row = {
      ...{
        model,
        runtime,
        provider: info.provider,
        batch,
        images: results.length,
        accepted,
        different: different.length,
        near: near.length,
      },
      ...{ openMs: Math.round(openMs), msPerImage: Number((median(ms.slice(0, Math.floor(results.length / batch))) / batch).toFixed(3)) },
    };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function writeFigures(file: string): Promise<void> {
  const figures = {
    command: 'pnpm bench:browser',
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    machine: { processor: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0] },
    browser: `Chromium ${browser}, headless; WebGPU on SwiftShader, a software adapter`,
    wrong,
    rows,
  };
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
}
