import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { defaultFallback, startFallback } from '../fallback/server.ts';
import { randomFrom } from '../shared/random.ts';
import { mappedMemory, residentMemory, watchMemory } from './process-usage.ts';
import { medianOf } from './quantiles.ts';
import { startClassifier } from './reliability/classifier.ts';
import { COLLECTING, COLLECTING_FLAGS, startControl } from './reliability/control.ts';
import { type DeployedWorker, startDeployed } from './reliability/deployed-worker.ts';
import { drive } from './reliability/drive.ts';
import { readSamples } from './reliability/images.ts';
import type { Kind } from './reliability/kind.ts';
import { openOffline } from './reliability/offline.ts';
import { connect } from './reliability/send.ts';
import { trafficOf } from './reliability/traffic.ts';

/**
 * The memory of the worker as deployed and of a worker of one line, side by side under the same requests: those of `bench:load` that are
 * not aborted, then only those that are, then none; then aborted ones again, to new workers in which garbage is collected often. Ends
 * with 1 where ours still grows without aborted requests, or with most steps of aborted ones though garbage is collected: what is kept of
 * each request shows in every step, a burst of requests that are under way together, for which the allocator takes memory once, in one.
 *
 *   pnpm bench:memory [--minutes 6] [--aborted 30000] [--pause 60] [--rate 300] [--seed 1] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '6' },
    aborted: { type: 'string', default: '30000' },
    pause: { type: 'string', default: '60' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    figures: { type: 'string' },
  },
});
const MODEL = 'mnist';
/** Largest ratio of the memory at the end to that in the middle. */
const STEADY = 1.05;
/** KiB for each aborted request, by the median of the later half of the steps. */
const KEPT = 0.5;
const STEPS = 12;

const [minutes, aborted, pause, rate, seed] = (['minutes', 'aborted', 'pause', 'rate', 'seed'] as const).map((name) => {
  const value = Number(options[name]);
  if (!(value > 0)) throw new Error(`--${name} is ${options[name]}; a number above 0 is needed`);
  return value;
}) as [number, number, number, number, number];
const offline = await openOffline(MODEL);
const samples = await readSamples(MODEL, offline);
const classifier = await startClassifier(offline);
const fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', directory: join('models', MODEL) });
const variables = {
  UPSTREAM_URL: `${classifier.url}/classify`,
  AGREEMENT_POINTER: '/label',
  FALLBACK_URL: fallback.url,
  BODY_TIMEOUT_MS: '4000',
  LOG_REQUESTS: 'off',
};
type Pair<T> = { ours: T; control: T };
let workers = await startBoth();
const kinds = trafficOf(samples, classifier);
const isAborted = ({ name }: Kind) => name.startsWith('aborted');
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});
const ended = () => workers.ours.ended() ?? workers.control.ended();
const stopped = () => interrupted || ended() !== null;
const before = round(loadavg()[0] as number);
try {
  const steady = await both((worker) => underLoad(worker));
  console.error(`without aborted requests, MiB by half minute: ours ${steady.ours.byHalfMinute}, control ${steady.control.byHalfMinute}`);
  const cut = await both((worker) => cutOff(worker));
  console.error(`aborted only, KiB for each, by ${aborted / STEPS}: ours ${cut.ours.kibibytesEach}, control ${cut.control.kibibytesEach}`);
  if (!stopped()) await sleep(1000 * pause);
  const afterPause = await both(async ({ pid }) => Math.round(residentMemory(pid)));
  await closeBoth();
  workers = await startBoth(COLLECTING, COLLECTING_FLAGS);
  const collected = await both((worker) => cutOff(worker));
  console.error(`the same, garbage collected, MiB: ours ${collected.ours.mebibytes}, control ${collected.control.mebibytes}`);
  const figures = {
    command: `pnpm bench:memory --minutes ${minutes} --aborted ${aborted} --pause ${pause} --rate ${rate} --seed ${seed}`,
    model: offline.screening.id,
    cores: 2,
    loadAverage: { before, after: round(loadavg()[0] as number) },
    withoutAborted: steady,
    abortedOnly: cut,
    mebibytesAfterPause: afterPause,
    abortedOnlyCollected: collected,
    crashed: ended(),
  };
  console.log(JSON.stringify(figures, null, 2));
  if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
  if (stopped() || !(steady.ours.ratio <= STEADY) || !(collected.ours.kibibytesKept <= KEPT)) process.exitCode = 1;
} finally {
  await closeBoth();
  await Promise.all([fallback.close(), classifier.close(), offline.close()]);
}

async function startBoth(prefix = '', v8Flags: readonly string[] = []): Promise<Pair<DeployedWorker>> {
  return { ours: await startDeployed(MODEL, variables, prefix, v8Flags), control: await startControl(prefix, v8Flags) };
}

async function closeBoth(): Promise<void> {
  await Promise.all([workers.ours.close(), workers.control.close()]);
}

/** At the same time, so that what else the machine does is the same to both. */
async function both<T>(measure: (worker: DeployedWorker) => Promise<T>): Promise<Pair<T>> {
  const [ours, control] = await Promise.all([measure(workers.ours), measure(workers.control)]);
  return { ours, control };
}

async function underLoad(worker: DeployedWorker) {
  const memory = watchMemory(worker.pid);
  const requests = await send(
    worker,
    kinds.filter((kind) => !isAborted(kind)),
    60 * minutes,
  );
  const megabytes = memory.stop();
  const third = Math.floor(megabytes.length / 3);
  const [middle, last] = [medianOf(megabytes.slice(third, 2 * third)), medianOf(megabytes.slice(2 * third))];
  const halves = Array.from({ length: Math.ceil(megabytes.length / 30) }, (_, i) => medianOf(megabytes.slice(30 * i, 30 * i + 30)));
  const byHalfMinute = halves.map((median) => median.toFixed(0)).join(' ');
  return {
    requests,
    byHalfMinute,
    middleThird: round(middle),
    lastThird: round(last),
    ratio: round(last / middle),
    mapped: mappedMemory(worker.pid),
  };
}

async function cutOff(worker: DeployedWorker) {
  const seen = [residentMemory(worker.pid)];
  const requests: number[] = [];
  for (let step = 0; step < STEPS && !stopped(); step++) {
    requests.push(await send(worker, kinds.filter(isAborted), aborted / STEPS / rate, step));
    seen.push(residentMemory(worker.pid));
  }
  const each = requests.map((count, i) => (1024 * ((seen[i + 1] as number) - (seen[i] as number))) / count);
  return {
    requests: requests.reduce((sum, count) => sum + count, 0),
    mebibytes: seen.map((megabytes) => megabytes.toFixed(0)).join(' '),
    kibibytesEach: each.map((kibibytes) => kibibytes.toFixed(1)).join(' '),
    /** Memory that is kept once, such as code and pools, is allocated by the middle. */
    kibibytesKept: round(medianOf(each.slice(STEPS / 2))),
    mapped: mappedMemory(worker.pid),
  };
}

/** @returns how many were sent. The same, in the same order, to each worker; what they answer is looked at by `bench:load`. */
async function send(worker: DeployedWorker, chosen: readonly Kind[], seconds: number, step = 0): Promise<number> {
  const client = connect(worker.url, { connections: 256, timeoutMs: 20_000 });
  try {
    const run = await drive(client, chosen, randomFrom(seed, `memory ${step}`), rate, seconds, stopped);
    return Object.values(run.kinds).reduce((sum, { sent }) => sum + sent, 0);
  } finally {
    client.close();
  }
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
