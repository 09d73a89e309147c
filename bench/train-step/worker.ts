import { createInterface } from 'node:readline';
import { adam } from '../../trainer/adam.ts';
import { type BackendChoice, useBackend } from '../../trainer/backend/backends.ts';
import { openBatchGradients } from '../../trainer/gradient/batch-gradients.ts';
import { parametersOf } from '../../trainer/gradient/parameters.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { exampleOf, models } from './models.ts';

/**
 * One side of the benchmark, as a process. For each line of its input it does that number of training steps, and answers with a line
 * of JSON: the milliseconds of each, gradient and Adam apart.
 *
 *   node bench/train-step/worker.ts wasm|native MODEL THREADS
 */
const [backend, name, threads] = process.argv.slice(2) as [BackendChoice, string, string];
const used = await useBackend(backend, Number(threads));

const spec = models.find((model) => model.name === name) as (typeof models)[number];
const { setting, part } = exampleOf(spec);
const model = buildModel(spec.architecture, spec.input, 1);
const parameters = parametersOf(model);
const gradients = await openBatchGradients(model, parameters, setting, spec.batch, used);
const optimizer = adam(parameters, { beta2: 0.99, averageDecay: 0 });

async function step(): Promise<{ gradient: number; adam: number; cpu: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { gradient } = await gradients.of(part);
  // Native kernels may still be at work when their tensors are there.
  gradient.dataSync();
  const middle = performance.now();
  optimizer.step(gradient, 1e-3);
  optimizer.average().dataSync();
  const end = performance.now();
  const spent = process.cpuUsage(cpu);
  gradient.dispose();
  return { gradient: middle - start, adam: end - middle, cpu: (spent.user + spent.system) / 1000 };
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const steps = [];
  for (let i = 0; i < Number(line); i++) steps.push(await step());
  console.log(JSON.stringify(steps));
}
await gradients.close();
