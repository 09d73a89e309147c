import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { models } from './train-step/models.ts';

/**
 * A training step (loss, gradient, Adam) on tfjs's wasm backend with our kernels beside native TensorFlow and PyTorch, in turns
 * in one run, so that whatever else the machine does meets all alike.
 *
 *   pnpm bench:train-step [--model TEXT] [--side TEXT] [--rounds N] [--json]
 *
 * TEXT is a part of the name: `--side '1 thread'`.
 *
 * Native takes part where @tensorflow/tfjs-node finds its library, PyTorch where BENCH_PYTHON names a Python that has it
 * (`python3 -m venv V && V/bin/pip install torch`, then BENCH_PYTHON=V/bin/python). Two wasm processes work on half a batch each;
 * adding up their gradients is not included. `cpu` is processor time, which other work on the machine disturbs least; but
 * PyTorch's threads wait for each other by spinning, so on a busy machine only its single thread says something.
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

interface Side {
  name: string;
  processes: (() => ChildProcess)[];
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const python = process.env.BENCH_PYTHON;
const hasTorch = python !== undefined && spawnSync(python, ['-c', 'import torch']).status === 0;
const hasNative = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(nativeEntry())})`]).status === 0;

const results = [];
for (const spec of models.filter(({ name }) => name.includes(values.model))) {
  const tfjs =
    (backend: string, share: number, env = {}) =>
    () =>
      child(process.execPath, [here('train-step/worker.ts'), backend, spec.name, String(share)], env);
  const torch = (layout: string, threads: number) => () =>
    child(python as string, [here('train-step/torch_worker.py'), JSON.stringify(spec), layout, String(threads)]);
  const one = { OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };
  const all: Side[] = [
    { name: 'wasm, 1 thread', processes: [tfjs('wasm', 1)] },
    { name: 'wasm, 2 processes', processes: [tfjs('wasm', 0.5), tfjs('wasm', 0.5)] },
    ...(hasNative
      ? [
          { name: 'native, 1 thread', processes: [tfjs('native', 1, one)] },
          { name: 'native, all cores', processes: [tfjs('native', 1)] },
        ]
      : []),
    ...(hasTorch
      ? ['channels_last', 'contiguous'].flatMap((layout) => [
          { name: `torch, 1 thread, ${layout}`, processes: [torch(layout, 1)] },
          { name: `torch, all cores, ${layout}`, processes: [torch(layout, cpus().length)] },
        ])
      : []),
  ];
  const sides = all.filter(({ name }) => name.includes(values.side));
  const measured = new Map<string, Step[]>();
  const running = await Promise.all(
    sides.map(async ({ name, processes }) => ({ name, workers: await Promise.all(processes.map((start) => ready(start()))) })),
  );
  for (let round = 0; round < rounds + 1; round++) {
    for (const { name, workers } of running) {
      const answers = await Promise.all(workers.map((ask) => ask(STEPS)));
      // The first round warms up. Of two processes the slower one counts, and the processor time of both.
      if (round === 0) continue;
      const steps = (answers[0] as Step[]).map((_, i) => {
        const both = answers.map((answer) => answer[i] as Step);
        return {
          gradient: Math.max(...both.map(({ gradient }) => gradient)),
          adam: Math.max(...both.map(({ adam }) => adam)),
          cpu: both.reduce((sum, { cpu }) => sum + cpu, 0),
        };
      });
      measured.set(name, [...(measured.get(name) ?? []), ...steps]);
    }
  }
  for (const { workers } of running) for (const ask of workers) await ask(0);
  const rows = [...measured].map(([name, steps]) => ({ model: spec.name, side: name, ...summary(steps) }));
  results.push(...rows);
  if (!values.json) {
    const reference =
      rows.find(({ side }) => side === 'native, all cores') ?? rows.find(({ side }) => side.startsWith('native')) ?? rows[0];
    console.log(`\n${spec.name}, batch ${spec.batch}, ${rounds * STEPS} steps; ms`);
    console.table(
      Object.fromEntries(
        rows.map(({ side, gradient, adam, cpu }) => [
          side,
          {
            'gradient p50': gradient.p50.toFixed(1),
            p10: gradient.p10.toFixed(1),
            'adam p50': adam.p50.toFixed(1),
            'cpu p50': cpu.p50.toFixed(1),
            [`p10 : ${reference?.side}`]: (gradient.p10 / (reference?.gradient.p10 as number)).toFixed(2),
            'cpu ratio': (cpu.p50 / (reference?.cpu.p50 as number)).toFixed(2),
          },
        ]),
      ),
    );
  }
}
if (values.json)
  console.log(JSON.stringify({ cores: cpus().length, processor: cpus()[0]?.model, steps: rounds * STEPS, results }, null, 2));

function summary(steps: Step[]) {
  const at = (key: keyof Step, share: number) => {
    const sorted = steps.map((step) => step[key]).sort((a, b) => a - b);
    return sorted[Math.floor(share * (sorted.length - 1))] as number;
  };
  const both = (key: keyof Step) => ({ p10: at(key, 0.1), p50: at(key, 0.5) });
  return { gradient: both('gradient'), adam: both('adam'), cpu: both('cpu') };
}

function child(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...env } });
}

/** Waits until a worker has started. Asked for 0 steps it ends. */
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

function nativeEntry(): string {
  try {
    return createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
  } catch {
    return '@tensorflow/tfjs-node';
  }
}
