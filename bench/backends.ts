import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { BACKENDS, type BackendName, chooseBackend, useBackend } from '../trainer/backend/use-backend.ts';
import { openDataset } from '../trainer/data/open-dataset.ts';
import { splitsOf } from '../trainer/data/splits.ts';
import { fit, optimizerFor } from '../trainer/fit.ts';
import { openBatchGradients } from '../trainer/gradient/batch-gradients.ts';
import { buildModel } from '../trainer/model/build-model.ts';
import { type PresetName, presets, trainingFor } from '../trainer/presets.ts';

/**
 * Milliseconds a training step on MNIST takes, on each backend that is there, with one thread and with all, in turns.
 *
 *   node bench/backends.ts [quick|paper]
 *   node bench/backends.ts PRESET BACKEND THREADS     one measurement, as JSON
 */
const [preset = 'quick', backend, threads] = process.argv.slice(2) as [PresetName?, BackendName?, string?];
const [WARM, STEPS, ROUNDS] = [5, 40, 3];

if (backend) console.log(JSON.stringify(await stepTimes(backend, Number(threads))));
else await compare();

async function stepTimes(name: BackendName, count: number): Promise<number[]> {
  const { threads } = await useBackend(name, count);
  const dataset = await openDataset({ dataset: 'mnist', dataDir: null, imageSize: null, channels: null });
  const { train } = splitsOf(dataset, 1);
  const training = trainingFor(preset, dataset, train.length);
  const model = buildModel(training.architecture, dataset.input, 1);
  const gradients = await openBatchGradients(model, dataset.input, training, name === 'wasm' ? threads : 1);
  const stop = new AbortController();
  const times: number[] = [];
  let before = performance.now();
  await fit(model, dataset, train, training, {
    ...{ seed: 1, optimizer: optimizerFor(training), gradients, from: null, secondsBetweenCheckpoints: 1e6, signal: stop.signal },
    onStep: ({ step }) => {
      const now = performance.now();
      if (step > WARM) times.push(now - before);
      before = now;
      if (times.length === STEPS) stop.abort();
    },
    onEpoch: async () => {},
    onCheckpoint: async () => {},
  });
  await gradients.close();
  return times;
}

async function compare(): Promise<void> {
  if (!(preset in presets)) throw new RangeError(`${preset} is no preset; there are ${Object.keys(presets).join(', ')}`);
  const there: BackendName[] = [];
  for (const name of BACKENDS.filter((name) => name !== 'auto')) {
    await chooseBackend(name).then(
      () => there.push(name),
      (error: Error) => console.log(`without ${name}: ${error.message}`),
    );
  }
  const rows = there.flatMap((name) =>
    [...new Set([1, availableParallelism()])].map((threads) => ({ name, threads, times: [] as number[] })),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const row of rows) {
      const output = execFileSync(process.execPath, [import.meta.filename, preset, row.name, String(row.threads)], {
        stdio: 'pipe',
        encoding: 'utf8',
      });
      row.times.push(...(JSON.parse(output.trim().split('\n').at(-1) as string) as number[]));
    }
  }
  console.log(`preset ${preset}, ms a step: least, median of ${ROUNDS} x ${STEPS}`);
  for (const { name, threads, times } of rows) {
    times.sort((a, b) => a - b);
    const [least, median] = [times[0] as number, times[times.length >> 1] as number];
    console.log(`${name.padEnd(7)}${String(threads).padStart(2)} threads ${least.toFixed(0).padStart(6)} ${median.toFixed(0).padStart(6)}`);
  }
}
