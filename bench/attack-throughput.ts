import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { writeAtomically } from '../node/files/files.ts';
import { parseScreening } from '../shared/bundle/open-bundle.ts';
import { type BackendChoice, useBackend } from '../trainer/backend/backends.ts';
import { rebuildModel } from '../trainer/model/rebuild-model.ts';

/**
 * Gradients of images that an attack gets a second on one core: forward and backward through encoder and decoder to the image, batches of
 * 90, by tfjs on wasm and on TensorFlow and by PyTorch, in turns.
 *
 *   BENCH_PYTHON=V/bin/python node bench/attack-throughput.ts [--rounds N] [--json FILE]
 */
const BATCH = 90;
const PASSES = 14;
const DIRECTORY = join(import.meta.dirname, '../models/mnist-paper');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '4' }, json: { type: 'string' }, backend: { type: 'string' } },
});

if (values.backend) console.log(JSON.stringify(await measured(values.backend as BackendChoice)));
else {
  const python = process.env.BENCH_PYTHON;
  if (!python)
    throw new Error('BENCH_PYTHON has to name a Python with torch and onnxruntime; bench/attack-strength.ts says how it is made');
  const own = (backend: string) => [process.execPath, [import.meta.filename, '--backend', backend]] as const;
  const ways: [string, readonly [string, readonly string[]]][] = [
    ['tfjs on wasm', own('wasm')],
    ['tfjs on TensorFlow (native)', own('native')],
    ['PyTorch', [python, [join(import.meta.dirname, 'attack-strength/throughput.py'), DIRECTORY, String(PASSES)]]],
  ];
  const times = new Map<string, number[]>();
  const before = loadavg()[0];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, [command, args]] of ways) {
      const out = execFileSync(command, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      times.set(name, [...(times.get(name) ?? []), ...(JSON.parse(out.trim().split('\n').at(-1) as string) as number[])]);
    }
  }
  const quantile = (sample: number[], share: number) => sample.toSorted((a, b) => a - b)[Math.floor(share * sample.length)] as number;
  const torch = times.get('PyTorch') as number[];
  const rows = Array.from(times, ([name, sample]) => ({
    name,
    imagesASecond: Math.round((1000 * BATCH) / quantile(sample, 0.5)),
    medianMs: Number(quantile(sample, 0.5).toFixed(2)),
    p10Ms: Number(quantile(sample, 0.1).toFixed(2)),
    ofPyTorch: Number((quantile(sample, 0.5) / quantile(torch, 0.5)).toFixed(2)),
  }));
  console.table(rows);
  const figures = { batch: BATCH, model: 'mnist-paper', loadAverage: { before, after: loadavg()[0] }, rows };
  if (values.json) await writeAtomically(values.json, `${JSON.stringify(figures, null, 1)}\n`);
}

/** Milliseconds of each pass but the first two. */
async function measured(backend: BackendChoice): Promise<number[]> {
  await useBackend(backend, 1);
  const screening = await parseScreening(await readFile(join(DIRECTORY, 'screening.json'), 'utf8'));
  const { height, width, channels } = screening.input;
  const { encoder, decoder } = await rebuildModel(DIRECTORY);
  const images = tf.randomUniform([BATCH, height, width, channels]);
  const loss = (x: tf.Tensor) => {
    const latents = encoder.apply(x) as tf.Tensor;
    const errors = tf.squaredDifference(x, decoder.apply(latents) as tf.Tensor).sum([1, 2, 3]);
    return errors.add(latents.square().sum(1)).sum();
  };
  const gradient = tf.grad(loss);
  const times = Array.from({ length: PASSES }, () => {
    const started = performance.now();
    tf.tidy(() => gradient(images).dataSync());
    return performance.now() - started;
  });
  return times.slice(2);
}
