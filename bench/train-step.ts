import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseBackend, perThreadBackends } from '../trainer/backend/backends.ts';
import { models } from './train-step/models.ts';

/**
 * Measures a training step (loss, gradient, Adam) on the backends that compute on the processor's cores, and on PyTorch, in turns in
 * one run, so that other work on the machine affects all alike.
 *
 *   pnpm bench:train-step [--model TEXT] [--side TEXT] [--rounds N] [--json]
 *
 * Native takes part if it is installed (`pnpm backend install`), PyTorch if BENCH_PYTHON names a Python that has it
 * (`python3 -m venv V && V/bin/pip install torch`, then BENCH_PYTHON=V/bin/python). `cpu` is the processor time of all threads, which
 * other work on the machine disturbs least.
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    side: { type: 'string', default: '' },
    rounds: { type: 'string', default: '12' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const STEPS = 4;

interface Step {
  gradient: number;
  adam: number;
  cpu: number;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const python = process.env.BENCH_PYTHON;
const hasTorch = python !== undefined && spawnSync(python, ['-c', 'import torch']).status === 0;
/** The backends that compute on the processor's cores and work here, the fastest first. */
const backends: string[] = [];
for (const { name } of perThreadBackends) if (await chooseBackend(name).catch(() => null)) backends.push(name);
const cores = availableParallelism();

const results = [];
for (const spec of models.filter(({ name }) => name.includes(values.model))) {
  const tfjs = (backend: string, threads: number) => ({
    name: `${backend}, ${threads} threads`,
    start: () => child(process.execPath, [here('train-step/worker.ts'), backend, spec.name, String(threads)]),
  });
  const torch = (layout: string, threads: number) => ({
    name: `torch, ${threads} threads, ${layout}`,
    start: () => child(python as string, [here('train-step/torch_worker.py'), JSON.stringify(spec), layout, String(threads)]),
  });
  const all = [
    ...backends.flatMap((name) => [tfjs(name, 1), tfjs(name, cores)]),
    ...(hasTorch ? [1, cores].flatMap((threads) => ['channels_last', 'contiguous'].map((layout) => torch(layout, threads))) : []),
  ];
  const sides = all.filter(({ name }) => name.includes(values.side));
  const measured = new Map<string, Step[]>();
  const running = await Promise.all(sides.map(async ({ name, start }) => ({ name, ask: await ready(start()) })));
  for (let round = 0; round < rounds + 1; round++) {
    for (const { name, ask } of running) {
      const answers = await ask(STEPS);
      // The first round warms up.
      if (round > 0) measured.set(name, [...(measured.get(name) ?? []), ...answers]);
    }
  }
  for (const { ask } of running) await ask(0);
  const rows = [...measured].map(([side, steps]) => ({ model: spec.name, side, ...summary(steps) }));
  results.push(...rows);
  if (values.json) continue;
  const reference = rows.find(({ side }) => side === `${backends[0]}, ${cores} threads`) ?? (rows[0] as (typeof rows)[number]);
  console.log(`\n${spec.name}, batch ${spec.batch}, ${rounds * STEPS} steps; ms`);
  console.table(
    Object.fromEntries(
      rows.map(({ side, step, adam, cpu }) => [
        side,
        {
          'step p50': step.p50.toFixed(1),
          p10: step.p10.toFixed(1),
          'of it adam': adam.p50.toFixed(1),
          'cpu p50': cpu.p50.toFixed(1),
          [`p50 : ${reference.side}`]: (step.p50 / reference.step.p50).toFixed(2),
          'p10 ratio': (step.p10 / reference.step.p10).toFixed(2),
        },
      ]),
    ),
  );
}
if (values.json) console.log(JSON.stringify({ cores, processor: cpus()[0]?.model, steps: rounds * STEPS, results }, null, 2));

function summary(steps: Step[]) {
  const quantiles = (of: (step: Step) => number) => {
    const sorted = steps.map(of).sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;
    return { p10: at(0.1), p50: at(0.5) };
  };
  return {
    step: quantiles(({ gradient, adam }) => gradient + adam),
    adam: quantiles(({ adam }) => adam),
    cpu: quantiles(({ cpu }) => cpu),
  };
}

function child(command: string, args: string[]): ChildProcess {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
}

/** Waits until a worker has started. If asked for 0 steps, it ends. */
async function ready(worker: ChildProcess): Promise<(steps: number) => Promise<Step[]>> {
  const lines = createInterface({ input: worker.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${worker.spawnargs.join(' ')} ended before it answered; start it by hand to see why`);
    return value as string;
  };
  await next();
  return async (steps) => {
    if (steps === 0) {
      worker.stdin?.end();
      return [];
    }
    worker.stdin?.write(`${steps}\n`);
    return JSON.parse(await next());
  };
}
