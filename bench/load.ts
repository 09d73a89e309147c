import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { randomFrom } from '../shared/random.ts';
import { watchMemory } from './process-usage.ts';
import { medianOf, quantile } from './quantiles.ts';
import { startClassifier } from './reliability/classifier.ts';
import { startDeployed } from './reliability/deployed-worker.ts';
import { type Drive, drive } from './reliability/drive.ts';
import { readSamples } from './reliability/images.ts';
import { openOffline } from './reliability/offline.ts';
import { connect } from './reliability/send.ts';
import { trafficOf } from './reliability/traffic.ts';

/**
 * The worker as deployed, in workerd, under a mix of right, wrong, oversized, slow and aborted requests, with a real fallback and a
 * classifier, at 80 % of the highest rate that a short ramp found it to hold. Ends with 1 where an answer was 5xx or missing, or a
 * status or a verdict was not the right one. Its memory is told; `bench:memory` judges it, without and with aborted requests.
 *
 *   pnpm bench:load [--minutes 10] [--rate auto|N] [--seed 1] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: 'auto' },
    seed: { type: 'string', default: '1' },
    figures: { type: 'string' },
  },
});
const MODEL = 'mnist';
const STEP_SECONDS = 15;
const WARM_UP = { rate: 20, seconds: 6 };
/** Beyond it much of the tail waits for the fallback's search, at any rate. */
const HELD_P90_MS = 100;

const minutes = Number(options.minutes);
if (!(minutes > 0)) throw new Error(`--minutes is ${options.minutes}; a number above 0 is needed`);
const offline = await openOffline(MODEL);
const samples = await readSamples(MODEL, offline);
const classifier = await startClassifier(offline);
const fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', directory: join('models', MODEL) });
const worker = await startDeployed(MODEL, {
  UPSTREAM_URL: `${classifier.url}/classify`,
  AGREEMENT_POINTER: '/label',
  FALLBACK_URL: fallback.url,
  BODY_TIMEOUT_MS: '4000',
  LOG_REQUESTS: 'off',
});
const client = connect(worker.url, { connections: 256, timeoutMs: 20_000 });
const kinds = trafficOf(samples, classifier);
const deadline = performance.now() + (minutes + 5) * 60_000;
const ramp: Record<string, { p50: number; p90: number; heldBack: number }> = {};
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
const stopped = () => interrupted || worker.ended() !== null || performance.now() > deadline;
const random = randomFrom(Number(options.seed), 'load');
const timesOf = (run: Drive) => Object.values(run.kinds).flatMap(({ milliseconds }) => milliseconds);
const sum = (run: Drive, of: (outcome: Drive['kinds'][string]) => number) =>
  Object.values(run.kinds).reduce((total, one) => total + of(one), 0);
try {
  const rate = options.rate === 'auto' ? await heldRate() : Number(options.rate);
  if (!(rate > 0)) throw new Error(`--rate is ${options.rate}; auto or a number above 0 is needed`);
  console.error(`${rate} requests a second for ${minutes} minutes`);
  const before = loadavg()[0] as number;
  const memory = watchMemory(worker.pid);
  const run = await drive(client, kinds, random, rate, minutes * 60, stopped);
  const megabytes = memory.stop();
  const end = worker.ended();
  // Short runs have no second minute: the second tenth instead.
  const window = Math.min(60, Math.floor(megabytes.length / 10));
  const [early, late] = [medianOf(megabytes.slice(window, 2 * window)), medianOf(megabytes.slice(-window))];
  const serverErrors = sum(run, ({ answers }) =>
    Object.entries(answers).reduce((n, [status, count]) => n + (/^5\d\d$/.test(status) ? count : 0), 0),
  );
  const times = timesOf(run);
  const figures = {
    command: `pnpm bench:load --minutes ${minutes} --rate ${options.rate} --seed ${options.seed}`,
    model: offline.screening.id,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    cores: 2,
    loadAverage: { before: round(before), after: round(loadavg()[0] as number) },
    ramp,
    requestsPerSecond: rate,
    seconds: Math.round(run.seconds),
    requests: sum(run, ({ sent }) => sent),
    heldBack: run.heldBack,
    serverErrors,
    unexpectedAnswers: sum(run, ({ unexpected }) => unexpected),
    verdicts: run.verdicts,
    milliseconds: { p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)), worst: round(quantile(times, 1)) },
    residentMegabytes: {
      byMinute: everyMinute(megabytes),
      minute2: round(early),
      lastMinute: round(late),
      most: round(Math.max(...megabytes)),
      ratio: round(late / early),
    },
    crashed: end,
    kinds: Object.fromEntries(
      Object.entries(run.kinds).map(([name, { milliseconds, ...rest }]) => [
        name,
        milliseconds.length > 0 ? { ...rest, p50: round(quantile(milliseconds, 0.5)), p99: round(quantile(milliseconds, 0.99)) } : rest,
      ]),
    ),
  };
  console.log(JSON.stringify(figures, null, 2));
  if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
  for (const fault of run.faults) console.error(fault);
  if (serverErrors || figures.unexpectedAnswers || run.verdicts.different || end) process.exitCode = 1;
} finally {
  client.close();
  await worker.close();
  await Promise.all([fallback.close(), classifier.close(), offline.close()]);
}

/** 80 % of the highest rate of the ramp at which nine in ten are answered quickly and none is held back. */
async function heldRate(): Promise<number> {
  let held = 0;
  await drive(client, kinds, random, WARM_UP.rate, WARM_UP.seconds, stopped);
  for (let step = 40; !stopped() && (await isHeld(step)); step = Math.ceil((step * 1.25) / 5) * 5) held = step;
  return Math.max(1, Math.floor(0.8 * held));
}

/** Returns true if it holds in one of three tries: what else runs on the machine may take the cores for a while. */
async function isHeld(rate: number): Promise<boolean> {
  for (let attempt = 0; attempt < 3 && !stopped(); attempt++) {
    const run = await drive(client, kinds, random, rate, STEP_SECONDS, stopped);
    const times = timesOf(run);
    const [p50, p90] = [round(quantile(times, 0.5)), round(quantile(times, 0.9))];
    console.error(`ramp: ${rate} a second: p50 ${p50} ms, p90 ${p90} ms`);
    ramp[rate] = { p50, p90, heldBack: run.heldBack };
    if (p90 <= HELD_P90_MS && run.heldBack === 0) return true;
  }
  return false;
}

/** Medians of the minutes. */
function everyMinute(megabytes: readonly number[]): string {
  const minutes = Array.from({ length: Math.ceil(megabytes.length / 60) }, (_, i) => medianOf(megabytes.slice(60 * i, 60 * i + 60)));
  return minutes.map((median) => median.toFixed(0)).join(' ');
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
