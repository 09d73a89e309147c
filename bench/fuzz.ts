import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sha256 } from '../shared/bundle/hashes.ts';
import { residentMemory } from './process-usage.ts';
import { quantile } from './quantiles.ts';
import { startDeployed } from './reliability/deployed-worker.ts';
import { FAULTS, judgeAnswer } from './reliability/judge-answer.ts';
import { mutantOf } from './reliability/mutate.ts';
import { openOffline } from './reliability/offline.ts';
import { rightRequestsProblem } from './reliability/right-requests.ts';
import { type Body, type Format, seedBodies } from './reliability/seeds.ts';
import { type Answer, connect, NoAnswerError } from './reliability/send.ts';

/**
 * Mutated bodies to the worker as deployed, in workerd. Ends with 1 where it crashed or gave no answer or a 5xx; where one took longer than
 * a second, also when it was sent once more; where it accepted an image that sharp can't decode, or that is not accepted as the same
 * class offline; where a right PNG or JPEG after each thousand was not answered rightly. Bodies that show a fault are kept in runs/fuzz/.
 *
 *   pnpm bench:fuzz [--bodies 100000] [--seed 1] [--only NUMBER] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    bodies: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    figures: { type: 'string' },
  },
});
const MODEL = 'mnist';
const AT_ONCE = 4;
const BATCH = 1000;
const SLOW_MS = 1000;
const KEEP = join('runs', 'fuzz');
const KEY = 'the-key-of-the-fuzzer';

const [bodies, seed] = [Number(options.bodies), Number(options.seed)];
if (!Number.isInteger(bodies) || bodies < 1) throw new Error(`--bodies is ${options.bodies}; a whole number from 1 on is needed`);
if (!Number.isInteger(seed)) throw new Error(`--seed is ${options.seed}; a whole number is needed`);
const offline = await openOffline(MODEL);
const seeds = await seedBodies(offline);
const worker = await startDeployed(MODEL, {
  KEYS: `fuzz:explain:${await sha256(KEY)}`,
  BODY_TIMEOUT_MS: '4000',
  LOG_REQUESTS: 'off',
});
const client = connect(worker.url, { connections: AT_ONCE, timeoutMs: 20_000 });
const send = ({ path, headers, bytes }: Body) =>
  client.send({ path, headers: { authorization: `Bearer ${KEY}`, ...headers }, body: bytes }) as Promise<Answer>;
let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
});

const formats: Partial<Record<Format, { bodies: number; statuses: Record<string, number> }>> = {};
const accepted: Record<string, number> = {};
const slow: Record<string, string> = {};
const faults: Record<string, string> = {};
const times: number[] = [];
let [goodAfter, sent, slowTwice] = [0, 0, 0];
/** Resident, after each thousand. */
const megabytes: number[] = [];
const started = performance.now();
const loadBefore = loadavg()[0] as number;
try {
  if (options.only !== undefined) await one(Number(options.only));
  else
    for (let first = 0; first < bodies && !interrupted && !worker.ended(); first += BATCH) {
      let next = first;
      const end = Math.min(first + BATCH, bodies);
      const lane = async () => {
        while (next < end && !worker.ended()) await one(next++);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      const wrong = await rightRequestsProblem(send);
      if (wrong) await keep(end, wrong.body, `right after ${end} bodies, ${wrong.why}`);
      else goodAfter++;
      if (!worker.ended()) megabytes.push(residentMemory(worker.pid));
      if (process.stderr.isTTY || end % 10_000 === 0) console.error(`${end} bodies, ${Object.keys(faults).length} faults`);
    }
  const figures = {
    command: `pnpm bench:fuzz --bodies ${bodies} --seed ${seed}`,
    model: offline.screening.id,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    cores: 2,
    loadAverage: { before: round(loadBefore), after: round(loadavg()[0] as number) },
    bodies: sent,
    seconds: Math.round((performance.now() - started) / 1000),
    crashed: worker.ended(),
    formats,
    accepted,
    milliseconds: { p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)), worst: round(quantile(times, 1)) },
    slowerThanASecond: { once: slow, alsoWhenSentOnceMore: slowTwice },
    rightRequestsAfterAThousand: { sent: Math.ceil(sent / BATCH), right: goodAfter },
    residentMegabytes: {
      afterAThousand: round(megabytes[0] ?? Number.NaN),
      atTheEnd: round(megabytes.at(-1) ?? Number.NaN),
      most: round(Math.max(...megabytes)),
    },
    faults,
  };
  console.log(JSON.stringify(figures, null, 2));
  if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
  if (Object.keys(faults).length > 0 || worker.ended()) process.exitCode = 1;
} finally {
  client.close();
  await worker.close();
  await offline.close();
}

async function one(number: number): Promise<void> {
  const body = mutantOf(seeds, seed, number);
  formats[body.format] ??= { bodies: 0, statuses: {} };
  const of = formats[body.format] as { bodies: number; statuses: Record<string, number> };
  of.bodies++;
  sent++;
  try {
    const answer = await send(body);
    of.statuses[answer.status] = (of.statuses[answer.status] ?? 0) + 1;
    times.push(answer.milliseconds);
    if (answer.status >= 500) await keep(number, body, `${answer.status} ${answer.body.toString().slice(0, 300)}`);
    if (answer.milliseconds > SLOW_MS) {
      const again = await send(body);
      slow[number] = `${body.format}: ${Math.round(answer.milliseconds)} ms, then ${Math.round(again.milliseconds)} ms`;
      if (again.milliseconds > SLOW_MS) {
        slowTwice++;
        await keep(number, body, `slow twice: ${slow[number]}`);
      }
    }
    for (const { finding, why } of await judgeAnswer(body, answer, offline)) {
      accepted[finding] = (accepted[finding] ?? 0) + 1;
      if (FAULTS.includes(finding)) await keep(number, body, `${finding}, ${why}`);
    }
  } catch (error) {
    const why = error instanceof NoAnswerError ? error.message : String(error);
    of.statuses[why] = (of.statuses[why] ?? 0) + 1;
    await keep(number, body, `no answer: ${why}`);
  }
}

/** Writes a body that shows a fault, as it was sent. */
async function keep(number: number, { format, path, headers, bytes }: Body, why: string): Promise<void> {
  faults[number] = `${format}: ${why}`;
  await mkdir(KEEP, { recursive: true });
  const name = join(KEEP, `${seed}-${number}-${format}`);
  await writeFile(`${name}.bin`, bytes);
  await writeFile(`${name}.json`, `${JSON.stringify({ why, path, headers }, null, 2)}\n`);
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
