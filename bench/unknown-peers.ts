import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openScreener } from '../node/bundle/graphs.ts';
import { conformalRank } from '../shared/calibration/order-statistic.ts';
import { labelsAt } from '../trainer/data/dataset.ts';
import { openDataset } from '../trainer/data/datasets.ts';
import { splitsOf } from '../trainer/data/splits.ts';
import { trainingFor } from '../trainer/presets.ts';
import { type ImageSet, readImages, writeBatches, writeImages } from './unknown-peers/images.ts';

/**
 * Counts the unknown images that a bundle of MNIST accepts, beside other methods at the same promised false-rejection rate: softmax,
 * energy, Mahalanobis, nearest neighbours, outlier exposure, an extra class and alibi-detect's VAE. They train in PyTorch on the batches of
 * the preset `paper`, with encoders of the same size. FOLDER keeps batches and trained peers, so a second bundle is only screened.
 *
 *   BENCH_PYTHON=V/bin/python pnpm bench:unknown-peers [--model mnist] [--epochs N] [--folder FOLDER] [--json FILE]
 *
 * V is made by:
 *   python3 -m venv V
 *   V/bin/pip install torch numpy
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'mnist-paper' },
    epochs: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'portcullis-unknown-peers') },
    json: { type: 'string' },
  },
});
const python = process.env.BENCH_PYTHON;
if (!python) throw new Error('BENCH_PYTHON has to name a Python with PyTorch; the top of this file says how it is made');
/** In the order of training: the plain classifier's features serve four methods. */
const PEERS = ['plain', 'vae', 'softmax-exposed', 'energy-exposed', 'extra-class'];
const AT_ONCE = 250;
const SEED = 1;
const { folder } = values;

const screener = await openScreener(join(import.meta.dirname, '../models', values.model), { intraOpNumThreads: 1 });
const { calibration, id, classes } = screener.screening;
const { alpha, delta } = calibration;
if (delta === null) throw new Error(`${values.model} has thresholds that promise no false-rejection rate`);
const dataset = await openDataset({ dataset: 'mnist', dataDir: null, imageSize: null, channels: null });
const splits = splitsOf(dataset, SEED);
const choices = values.epochs === undefined ? {} : { epochs: Number(values.epochs) };
const training = trainingFor('paper', dataset, labelsAt(dataset.train, splits.train), choices);

await mkdir(folder, { recursive: true });
if (!existsSync(join(folder, 'sets.json')))
  await writeFile(join(folder, 'sets.json'), JSON.stringify(await writeImages(folder, dataset, splits, SEED)));
const sets = JSON.parse(await readFile(join(folder, 'sets.json'), 'utf8')) as ImageSet[];
const { epochs, batchSize, augmentation, outliers, outlierKinds } = training;
await checkSame(join(folder, 'training.json'), JSON.stringify({ batchSize, augmentation, outliers, outlierKinds }));
const trained = await Promise.all(PEERS.map((peer) => readFile(join(folder, `${peer}.json`), 'utf8').then(JSON.parse, () => null)));
const missing = PEERS.filter((_, i) => trained[i]?.epochs !== epochs);
if (missing.length > 0) await writeBatches(folder, dataset, splits.train, training, SEED);
for (const peer of missing) runPython('train.py', folder, peer, String(epochs));
const rank = conformalRank(splits.calibration.length, alpha, delta);
if (rank === null) throw new Error(`${splits.calibration.length} calibration images can't promise what ${values.model} does`);
await writeFile(join(folder, 'asked.json'), JSON.stringify({ rank, sets }));
runPython('score.py', folder);
const { torch, networks, methods } = JSON.parse(await readFile(join(folder, 'answer.json'), 'utf8')) as Answer;

const digits = await verdicts('test.f32');
const truth = labelsAt(dataset.test, splits.test);
const wrong = digits.filter(({ label, accepted }, i) => accepted && label !== truth[i]).length;
const ours: Method = {
  method: `${values.model}, this project`,
  network: values.model,
  clean: {
    images: digits.length,
    rejected: digits.filter(({ accepted }) => !accepted).length,
    acceptedWrong: wrong,
    nearestRight: digits.filter(({ label }, i) => label === truth[i]).length,
  },
  accepted: {},
};
for (const { name, file } of sets) ours.accepted[name] = (await verdicts(file)).filter(({ accepted }) => accepted).length;
await screener.close();

const all = [ours, ...methods];
if (values.json) {
  const shown = sets.map(({ name, about, images }) => ({ name, about, images, trainedOn: name in training.outlierKinds }));
  const figures = {
    ...{ id, alpha, delta, calibrationImages: splits.calibration.length, torch, networks },
    ...{ sets: shown, methods: all },
  };
  await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}
console.log(table());

interface Method {
  method: string;
  network: string;
  clean: { images: number; rejected: number; acceptedWrong?: number; nearestRight?: number };
  accepted: Record<string, number>;
}

interface Answer {
  torch: string;
  networks: Record<string, { epochs: number; steps: number; cpuMinutes: number }>;
  methods: Method[];
}

/** Writes what a folder was made with. @throws Error where it was made with something else */
async function checkSame(path: string, content: string): Promise<void> {
  if (existsSync(path) && (await readFile(path, 'utf8')) !== content)
    throw new Error(`${folder} holds batches of another recipe; name another --folder, or remove it`);
  await writeFile(path, content);
}

function runPython(script: string, ...args: string[]): void {
  const path = join(import.meta.dirname, 'unknown-peers', script);
  const { status } = spawnSync(python as string, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${script} ${args.join(' ')} did not come to an end`);
}

/** Screens the images of a file, as the worker would. */
async function verdicts(file: string): Promise<{ label: number; accepted: boolean }[]> {
  const images = await readImages(join(folder, file));
  const size = images.length === 0 ? 1 : AT_ONCE * 28 * 28;
  const found: { label: number; accepted: boolean }[] = [];
  for (let first = 0; first < images.length; first += size)
    for (const { scores, decision } of await screener.screen(images.slice(first, first + size)))
      found.push({ label: scores.label, accepted: decision.accepted });
  return found;
}

/** Returns a table in Markdown: a row a set, a column a method, per cent accepted; the least of a row is bold. */
function table(): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const share = (count: number | undefined, of: number) => (count === undefined ? '-' : ((100 * count) / of).toFixed(1));
  const ofDigits = (name: string, count: (clean: Method['clean']) => number | undefined) =>
    line([name, ...all.map(({ clean }) => share(count(clean), clean.images))]);
  return [
    line(['per cent', ...all.map(({ method }) => method)]),
    line(['---', ...all.map(() => '--:')]),
    ofDigits(`${classes.length} classes: right without thresholds`, ({ nearestRight }) => nearestRight),
    ofDigits('accepted wrong', ({ acceptedWrong }) => acceptedWrong),
    ofDigits('rejected', ({ rejected }) => rejected),
    ...sets.map(({ name, images }) => {
      const counts = all.map(({ accepted }) => accepted[name] as number);
      const least = Math.min(...counts);
      return line([name, ...counts.map((count) => (count === least ? `**${share(count, images)}**` : share(count, images)))]);
    }),
  ].join('\n');
}
