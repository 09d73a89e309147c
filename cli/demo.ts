import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { FGSM_EPSILONS, type ImageSet, imageSets } from '../evaluate/images/image-sets.ts';
import { type HttpOutcomes, screenOverHttp } from '../evaluate/images/screen-over-http.ts';
import { exportRun } from '../export/export-run.ts';
import { defaultSearch } from '../export/search.ts';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { MODELS } from '../node/bundle/models-folder.ts';
import { acquireLock } from '../node/files/lock.ts';
import { UserError } from '../shared/user-error.ts';
import { type DataSource, openDataset } from '../trainer/data/datasets.ts';
import { percent } from '../trainer/outcomes.ts';
import { RUNS } from '../trainer/run.ts';
import { defaultCalibration } from '../trainer/run-config.ts';
import { train } from '../trainer/train.ts';
import { wholeNumber } from './options.ts';
import { outcomesLine } from './print.ts';
import { duration, trainingProgress } from './progress.ts';
import { command, interruptible, interruptSignal, runCommand } from './run-command.ts';
import { startWorker } from './start-worker.ts';

const NAME = 'demo';
const MNIST: DataSource = { dataset: 'mnist', dataDir: null, imageSize: null, channels: null };
const COUNTS = { clean: 1000, attacked: 100, nonsense: 100 };

/** The paper's figures (tables 1 and 2) for the rows that it has; for FGSM, the share of the rejected images that Eq. 9 recovers. */
const PAPER: Record<string, string> = {
  'clean test images': '97.97 / 0.22 / 1.81',
  ...Object.fromEntries(
    [97, 93, 91, 87, 87].map((recovered, i) => [`FGSM, epsilon ${FGSM_EPSILONS[i]}`, `recovers ${recovered} % of the rejected`]),
  ),
};

const DESCRIPTION = 'Show the whole way on real MNIST: train (quick), calibrate, export, screen in the Workers runtime, reclassify.';

const NOTES = `
Per cent of all images. On FGSM the error is what got through undetected; on nonsense every accepted image is an error.
The paper's share of recovered images counts every label that the search finds. Here a label must pass both tests again, and be better
than any other class (RECLASSIFY_KEEP_ALL=on takes every label).
FGSM is a weak attack: as published, the method does not withstand an adaptive one.`;

const HEADER = `images                count  accuracy   error  rejection  | reclass. right  wrong  rejected still  | paper`;

const program = command('demo', DESCRIPTION, '  pnpm demo\n  pnpm demo --serve      keep it running, with a page to draw on')
  .option('--serve', 'keep worker and fallback running until Ctrl-C')
  .option('--seed <n>', 'seed of all randomness', wholeNumber, 1)
  .action(async (options) => {
    const unlock = await acquireLock('pnpm demo', join(RUNS, '.demo.lock'));
    const closing: (() => Promise<void>)[] = [];
    const signal = interruptSignal();
    try {
      await interruptible(signal, runDemo(options, signal, closing), 'stopped', console.log);
    } finally {
      for (const close of closing.reverse()) await close();
      await unlock();
    }
  });

/** Runs the demo. @param closing receives what must be closed after it, however it ends */
async function runDemo(options: { serve?: true; seed: number }, signal: AbortSignal, closing: (() => Promise<void>)[]): Promise<void> {
  const started = performance.now();
  const step = (text: string) => console.log(`\n[${duration((performance.now() - started) / 1000)}] ${text}`);
  step('training a small model on 50000 MNIST digits');
  await rm(join(RUNS, NAME), { recursive: true, force: true });
  const progress = trainingProgress(process.stdout);
  const { run, model, test } = await train({
    name: NAME,
    preset: 'quick',
    source: MNIST,
    report: false,
    seed: options.seed,
    calibration: defaultCalibration,
    signal,
    onStep: progress.step,
    onEpoch: (epoch, accuracy) => progress.line(`epoch ${epoch} done, validation accuracy ${(100 * accuracy).toFixed(2)} %`),
  });
  progress.stop();
  signal.throwIfAborted();
  if (test) console.log(outcomesLine(test, 'test'));
  step('exporting to ONNX');
  const { screening, parity } = await exportRun(run, NAME, defaultSearch, { reference: true });
  const difference = parity.maxReconstructionDifference.toExponential(1);
  console.log(
    `models/${NAME}, id ${screening.id.slice(0, 12)}; equal to the trained model within ${difference} on ${parity.images} images`,
  );
  step('starting the fallback and the worker');
  const fallback = await startFallback({ ...defaultFallback, port: 0, threads: 2, directory: join(MODELS, NAME) });
  closing.push(fallback.close);
  const worker = await startWorker(NAME, { FALLBACK_URL: fallback.url, FALLBACK_TIMEOUT_MS: '60000' });
  closing.push(worker.close);
  signal.throwIfAborted();
  console.log(`worker ${worker.url} (workerd), fallback ${fallback.url}`);
  step('screening over HTTP');
  const sets = imageSets(model, await openDataset(MNIST), COUNTS, options.seed);
  console.log(HEADER);
  for (const set of sets) {
    const outcomes = await screenOverHttp(worker.url, set, signal);
    console.log(row(set, outcomes));
    // An unavailable fallback must not hide in "rejected still".
    if (outcomes.unavailable > 0) throw new UserError(`the fallback was unavailable for ${outcomes.unavailable} images`);
  }
  console.log(NOTES);
  console.log(`latency of POST /screen with one PNG: ${await latency(worker.url, sets[0] as ImageSet)}`);
  step('done');
  if (!options.serve) return console.log('pnpm demo --serve keeps it running, with a page to draw on');
  console.log(`draw a digit at ${worker.url} ; Ctrl-C ends it`);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Formats a row of the table under HEADER. */
function row({ name }: ImageSet, outcomes: HttpOutcomes): string {
  const { images, acceptedRight, acceptedWrong, reclassifiedRight, reclassifiedWrong, rejected } = outcomes;
  const cell = (count: number, width: number) => percent(count, images).padStart(width);
  return [
    name.padEnd(20),
    String(images).padStart(5),
    cell(acceptedRight, 8),
    cell(acceptedWrong, 6),
    cell(images - acceptedRight - acceptedWrong, 9),
    `| ${cell(reclassifiedRight, 14)}`,
    cell(reclassifiedWrong, 5),
    cell(rejected, 14),
    `| ${PAPER[name] ?? ''}`,
  ].join('  ');
}

/** Measures accepted requests with one PNG each. */
async function latency(url: string, { batches }: ImageSet): Promise<string> {
  const times: number[] = [];
  let requests = 0;
  for (const image of batches(1)) {
    if (requests++ === 200) break;
    const levels = Buffer.from(image.map((value) => Math.round(value * 255)));
    const png = await sharp(levels, { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toBuffer();
    const started = performance.now();
    const response = await fetch(`${url}/screen`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: new Uint8Array(png) });
    const { verdict } = (await response.json()) as { verdict?: string };
    if (verdict === 'accepted') times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms over ${times.length} accepted images`;
}

await runCommand(program);
