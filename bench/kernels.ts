import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { adam } from '../trainer/adam.ts';
import type { BackendWasm } from '../trainer/backend/wasm/heap.ts';
import { useWasm } from '../trainer/backend/wasm/wasm.ts';
import { openBatchGradients } from '../trainer/gradient/batch-gradients.ts';
import { lossGradients } from '../trainer/gradient/loss-gradients.ts';
import { parametersOf } from '../trainer/gradient/parameters.ts';
import { buildModel } from '../trainer/model/build-model.ts';
import type { LayerKind } from '../trainer/model/layers.ts';
import { exampleOf, models } from './train-step/models.ts';

/**
 * Measures what each of the trainer's own ways on wasm brings: a training step with all of them, and with one after the other replaced
 * by the stock way, in turns in one process. They are compared by the processor time of the thread that trains, which other work on
 * the machine disturbs least; the second thread's part takes as long as the first one's, so on two idle cores that time is what passes.
 *
 *   pnpm bench:kernels [--model NAME] [--rounds 8] [--figures FILE]
 *
 * FILE keeps the figures of models that were measured before. A model takes about a minute.
 */
const { values: options } = parseArgs({
  options: { model: { type: 'string', default: '' }, rounds: { type: 'string', default: '8' }, figures: { type: 'string' } },
});
const rounds = Number(options.rounds);

const stockKernels = new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel]));
const stockRelu = tf.getGradient(tf.Relu);
await useWasm();
const ownKernels = new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel]));
const ownRelu = tf.getGradient(tf.Relu);
const useRelu = (gradient: tf.GradConfig) => {
  tf.unregisterGradient(tf.Relu);
  tf.registerGradient(gradient);
};
const use = (names: string[], kernels: Map<string, tf.KernelConfig>) => {
  for (const name of names) {
    tf.unregisterKernel(name, 'wasm');
    tf.registerKernel(kernels.get(name) as tf.KernelConfig);
  }
};

/** The stock backend has no gradient of a filter: this one is made of its kernels, as a dilated convolution of x by dy. */
stockKernels.set(tf.Conv2DBackpropFilter, {
  kernelName: tf.Conv2DBackpropFilter,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const [x, dy] = [inputs.x as tf.TensorInfo, inputs.dy as tf.TensorInfo];
    const { strides, pad, filterShape } = attrs as unknown as { strides: number[] | number; pad: string; filterShape: number[] };
    const stride = [strides].flat()[0] as number;
    const made: tf.TensorInfo[] = [];
    const run = (name: string, inputs: Record<string, tf.TensorInfo>, attrs: object) => {
      const kernel = (stockKernels.get(name) ?? tf.getKernel(name, 'wasm')) as tf.KernelConfig;
      made.push(kernel.kernelFunc({ inputs, attrs: attrs as never, backend }) as tf.TensorInfo);
      return made.at(-1) as tf.TensorInfo;
    };
    const sides = [1, 2].map((axis) => {
      const [size, wanted] = [x.shape[axis] as number, ((dy.shape[axis] as number) - 1) * stride + (filterShape[axis - 1] as number)];
      const before = pad === 'same' ? Math.floor(Math.max(0, wanted - size) / 2) : 0;
      return { wanted, paddings: [before, Math.max(0, wanted - size - before)] };
    });
    const padded = run('PadV2', { x }, { paddings: [[0, 0], ...sides.map(({ paddings }) => paddings), [0, 0]], constantValue: 0 });
    const size = [x.shape[0], ...sides.map(({ wanted }) => wanted), x.shape[3]];
    const turned = run('Transpose', { x: run('Slice', { x: padded }, { begin: [0, 0, 0, 0], size }) }, { perm: [3, 1, 2, 0] });
    const filter = run('Transpose', { x: dy }, { perm: [1, 2, 0, 3] });
    const convolution = { strides: [1, 1], pad: 'valid', dataFormat: 'NHWC', dilations: [stride, stride] };
    const result = run('Transpose', { x: run('Conv2D', { x: turned, filter }, convolution) }, { perm: [1, 2, 0, 3] });
    for (const tensor of made) if (tensor !== result) (backend as BackendWasm).disposeData(tensor.dataId);
    return result;
  },
});

interface Way {
  name: string;
  /** Only models with this layer use it. */
  layer?: LayerKind;
  stock(): void;
  own(): void;
}

const kernels = (name: string, ...names: string[]): Way => ({
  name,
  stock: () => use(names, stockKernels),
  own: () => use(names, ownKernels),
});
const nothing = () => {};
const ADAM = 'Adam in one loop';
const ways: Way[] = [
  kernels('convolution', tf.Conv2D, tf.FusedConv2D),
  kernels("a convolution's gradient by its input", tf.Conv2DBackpropInput),
  kernels("a convolution's gradient by its filter", tf.Conv2DBackpropFilter),
  kernels('matrix product', tf.BatchMatMul, tf._FusedMatMul),
  { ...kernels('gradient of max pooling', tf.MaxPoolGrad), layer: 'MaxPooling2D' },
  { ...kernels('upsampling and its gradient', tf.ResizeNearestNeighbor, tf.ResizeNearestNeighborGrad), layer: 'UpSampling2D' },
  { name: 'gradient of ReLU', stock: () => useRelu(stockRelu as tf.GradConfig), own: () => useRelu(ownRelu as tf.GradConfig) },
  kernels('sum over the first axes', tf.Sum),
  kernels('identity without a copy', tf.Identity),
  { name: ADAM, stock: nothing, own: nothing },
];

interface Row {
  way: string;
  stock: number;
  own: number;
  /** Median of the rounds' ratios of stock to own. */
  ratio: number;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const rounded = (value: number) => Math.round(100 * value) / 100;
const rowOf = (way: string, pairs: [stock: number, own: number][]): Row => ({
  way,
  stock: rounded(median(pairs.map(([stock]) => stock))),
  own: rounded(median(pairs.map(([, own]) => own))),
  ratio: rounded(median(pairs.map(([stock, own]) => stock / own))),
});
const milliseconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;

const figures: Record<string, unknown> = {};
for (const spec of models.filter(({ name }) => name.includes(options.model))) {
  const { setting, part } = exampleOf(spec);
  const model = buildModel(spec.architecture, spec.input, 1);
  const parameters = parametersOf(model);
  const own = adam(parameters, { beta2: 0.99, averageDecay: 0.99 });
  const stock = tf.train.adam(1e-4, 0.9, 0.99);
  const stepByStock = (gradient: tf.Tensor1D) =>
    tf.tidy(() => {
      const sizes = parameters.weights.map(({ size }) => size);
      const parts = tf.split(gradient, sizes);
      stock.applyGradients(parameters.weights.map(({ name, shape }, i) => ({ name, tensor: (parts[i] as tf.Tensor).reshape(shape) })));
    });
  const step = async (name: string) => {
    const before = process.threadCpuUsage();
    const { gradient } = await lossGradients(model, parameters, part, setting);
    if (name === ADAM) stepByStock(gradient);
    else own.step(gradient, 1e-4);
    gradient.dispose();
    return milliseconds(process.threadCpuUsage(before));
  };
  const used = new Set([...spec.encoder, ...spec.decoder].map(({ kind }) => kind));
  const sides = [];
  for (const parts of [1, 2])
    sides.push(await openBatchGradients(model, parameters, setting, spec.batch, { parts, thread: { name: 'wasm' } }));
  const pairs: [one: number, two: number][] = [];
  for (let round = -1; round < rounds; round++) {
    const pair: [number, number] = [0, 0];
    for (const [i, side] of sides.entries()) {
      const before = process.threadCpuUsage();
      (await side.of(part)).gradient.dispose();
      pair[i] = milliseconds(process.threadCpuUsage(before));
    }
    if (round >= 0) pairs.push(pair);
  }
  for (const { close } of sides) await close();
  const threadRow = rowOf('gradient by two threads, time of the first', pairs);

  const rows: Row[] = [];
  for (const way of ways.filter(({ layer }) => layer === undefined || used.has(layer))) {
    const pairs: [stock: number, own: number][] = [];
    // The first round warms up.
    for (let round = -1; round < rounds; round++) {
      way.stock();
      const stockTime = await step(way.name);
      way.own();
      const ownTime = await step('');
      if (round >= 0) pairs.push([stockTime, ownTime]);
    }
    rows.push(rowOf(way.name, pairs));
  }

  rows.push(threadRow);
  figures[spec.name] = { batch: spec.batch, rows };
  console.log(`\n${spec.name}, batch ${spec.batch}: processor time of a step in ms, medians`);
  console.table(Object.fromEntries(rows.map(({ way, ...row }) => [way, row])));
  own.dispose();
}
if (options.figures) {
  const before = JSON.parse(await readFile(options.figures, 'utf8').catch(() => '{}'));
  const machine = { processor: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0], rounds };
  const merged = { ...before, ...machine, models: { ...before.models, ...figures } };
  await writeFile(options.figures, `${JSON.stringify(merged, null, 2)}\n`);
}
