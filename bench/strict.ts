import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { screenGraph } from '../export/graphs.ts';
import { createWeightStore } from '../export/onnx/weight-store.ts';
import { oneHotMeans } from '../shared/decision/latent-space.ts';
import { randomFrom } from '../shared/random.ts';
import { compileGraph } from '../shared/runtime/compile-graph.ts';
import { createHeap } from '../shared/runtime/heap.ts';
import { readOnnx } from '../shared/runtime/read-onnx.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { architectures } from '../trainer/model/architecture.ts';
import { buildModel } from '../trainer/model/build-model.ts';
import { medianOf, quantile } from './quantiles.ts';

/**
 * Measures what strict mode costs at the edge: screen.onnx of one image on the edge's own kernels, in turns in one process, for
 * models/mnist (`deep-28`), for an untrained `strided-28` and for the same model in strict mode. Times do not depend on the weights. Each
 * is of a single run, so that other work on the machine falls between most of them, and the median shows none of it.
 *
 *   pnpm bench:strict [--rounds 150] [--batch 1]
 */
const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '150' }, batch: { type: 'string', default: '1' } },
});
const [rounds, batch] = [Number(options.rounds), Number(options.batch)];

await useWasm();
const module = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));
const input = { height: 28, width: 28, channels: 1 as const };
const means = oneHotMeans(10, 10);
const limits = means.map(() => 1);
const random = randomFrom(1, 'strict');
const model = buildModel({ ...architectures['strided-28'], latentDim: 10, entropy: 'constant' }, input, 1);

/** Returns what measures a run, in milliseconds an image. */
function timer(graph: Uint8Array, weights: Uint8Array): () => number {
  const heap = createHeap(module);
  const { input: image, run } = compileGraph(heap, readOnnx(graph, weights), [28, 28, 1], batch);
  const pixels = heap.floats(image.address, batch * 784);
  return () => {
    for (let i = 0; i < pixels.length; i++) pixels[i] = Math.max(0, 5 * random.uniform() - 4);
    const started = performance.now();
    run(batch);
    return (performance.now() - started) / batch;
  };
}

function untrained(guarantee: { norm: 'linf'; radius: number } | undefined): () => number {
  const store = createWeightStore();
  const graph = screenGraph(store, {
    ...{ ...model, input, means, guarantee },
    covariances: { kind: 'spherical', values: limits },
    thresholds: { maxLatentDistance: limits, maxReconstructionError: limits, ...(guarantee ? { maxRivalMargin: limits } : {}) },
  });
  return timer(graph, store.bytes());
}

const sides = {
  'models/mnist': timer(await readFile('models/mnist/screen.onnx'), await readFile('models/mnist/weights.bin')),
  'strided-28': untrained(undefined),
  'strided-28, strict': untrained({ norm: 'linf', radius: 0.1 }),
};
const names = Object.keys(sides) as (keyof typeof sides)[];
const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<keyof typeof sides, number[]>;
for (let round = -30; round < rounds; round++) {
  for (const name of names) {
    sides[name]();
    const time = Math.min(sides[name](), sides[name]());
    if (round >= 0) times[name].push(time);
  }
}
const ratio = (of: keyof typeof sides, to: keyof typeof sides) => medianOf(times[of].map((time, i) => time / (times[to][i] as number)));
console.log(`milliseconds an image, batch ${batch}, ${rounds} rounds, load ${loadavg()[0]?.toFixed(1)}`);
console.table(
  Object.fromEntries(
    names.map((name) => [
      name,
      {
        p50: medianOf(times[name]).toFixed(3),
        p10: quantile(times[name], 0.1).toFixed(3),
        ': models/mnist': ratio(name, 'models/mnist').toFixed(2),
        ': strided-28': ratio(name, 'strided-28').toFixed(2),
      },
    ]),
  ),
);
