import { readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { DEFAULT_LIMITS } from '../shared/images/limits.ts';
import { COLLECTING_FLAGS, collecting } from './reliability/control.ts';
import { buildDeployed } from './reliability/deployed-worker.ts';
import { startWorkerd } from './workerd.ts';
import { acceptedRequests } from './worst/accepted.ts';
import { hostileRequests } from './worst/hostile-bodies.ts';
import { measureWorst, type Worst } from './worst/measure.ts';
import { startUpstream } from './worst/upstream.ts';

/**
 * Measures what the costliest requests within the default limits take of the worker as deployed, in workerd: processor time, memory above
 * idle, and how long a digit waits that is sent at the same time. Each request gets a new process. Exits with 1 if one takes more than it
 * may.
 *
 *   pnpm bench:worst [--runs 5] [--only TEXT] [--collect: garbage before each request] [--figures docs/figures/worst.json]
 */
const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    figures: { type: 'string' },
    collect: { type: 'boolean', default: false },
  },
});
const MODEL = 'mnist';
const MOST = { cpuMs: 250, memoryMiB: 96, digitMs: 1000 };
const runs = Number(options.runs);

const digit = await readFile('test/samples/digit-7-a.png');
const requests = [...(await hostileRequests(DEFAULT_LIMITS)), ...(await acceptedRequests(digit, DEFAULT_LIMITS))].filter(({ name }) =>
  name.includes(options.only),
);
const upstream = await startUpstream();
const directory = await buildDeployed(MODEL, options.collect ? collecting(1) : '');
const before = loadavg()[0] as number;
const rows: (Worst & { name: string })[] = [];
try {
  for (const request of requests) {
    const variables = { LOG_DECISIONS: 'off', UPSTREAM_URL: upstream.url };
    const worker = await startWorkerd(directory, { screen: { directory: '.', variables } }, options.collect ? COLLECTING_FLAGS : []);
    try {
      const worst = await measureWorst({ url: worker.urls.screen as string, pid: worker.pid, ended: worker.ended }, request, digit, runs);
      rows.push({ name: request.name, ...worst });
      console.log(line(rows.at(-1) as Worst & { name: string }));
    } finally {
      await worker.close();
    }
  }
} finally {
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
}

const wrong = rows.filter(isWrong);
if (options.figures) {
  const figures = {
    command: `pnpm bench:worst --runs ${runs}`,
    cores: availableParallelism(),
    loadAverage: { before: round(before), after: round(loadavg()[0] as number) },
    limits: DEFAULT_LIMITS,
    most: MOST,
    requests: rows.map(({ name, bytes, status, ...costs }) => ({
      ...{ name, bytes, status },
      ...Object.fromEntries(Object.entries(costs).map(([key, value]) => [key, round(value)])),
    })),
    tooMuch: wrong.map(({ name }) => name),
  };
  await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
}
if (wrong.length > 0) process.exitCode = 1;

function line(row: Worst & { name: string }): string {
  const { name, bytes, status, cpuMs, firstCpuMs, memoryMiB, inARowMiB, digitMs } = row;
  const [cpu, firstCpu, memory, inARow, digit] = [cpuMs, firstCpuMs, memoryMiB, inARowMiB, digitMs].map((value) => value.toFixed(0));
  const numbers =
    `${(bytes / 2 ** 20).toFixed(2)} MiB, ${status}: ${cpu} ms of CPU (the first ${firstCpu}), ` +
    `${memory} MiB (in a row ${inARow}), digit after ${digit} ms`;
  return `${isWrong(row) ? '!' : ' '} ${name.padEnd(48)} ${numbers}`;
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}

function isWrong({ cpuMs, memoryMiB, digitMs }: Worst): boolean {
  return cpuMs > MOST.cpuMs || memoryMiB > MOST.memoryMiB || digitMs > MOST.digitMs;
}
