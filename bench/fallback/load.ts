import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { type Quantiles, quantilesOf } from '../quantiles.ts';

const INFER = '/v2/models/reclassify/infer';

export interface Load {
  sent: number;
  statuses: Record<string, number>;
  /** Answers that came within the limit and while the load lasted, a second of it. */
  goodput: number;
  /** Answers that came within the limit, those after the load's end too. */
  goodInAll: number;
  /** Latency of the requests answered with 200, ms. */
  latency: Quantiles | null;
  /** Latency of the requests refused with 503, ms. */
  refusal: Quantiles | null;
}

/**
 * Sends requests at times that do not depend on the answers (an open loop, exponential gaps), as many clients would.
 *
 * @param perSecond how many
 * @param withinMs an answer later than that is of no use to who asked
 */
export async function openLoop(
  url: string,
  bodies: readonly Buffer[],
  perSecond: number,
  seconds: number,
  withinMs: number,
): Promise<Load> {
  const statuses: Record<string, number> = {};
  const times: Record<string, number[]> = { 200: [], 503: [] };
  let [good, goodInAll] = [0, 0];
  const ask = async (body: Buffer) => {
    const started = performance.now();
    const status = await send(url, body);
    const ms = performance.now() - started;
    statuses[status] = (statuses[status] ?? 0) + 1;
    times[status]?.push(ms);
    if (status !== '200' || ms > withinMs) return;
    goodInAll++;
    if (performance.now() - begun <= seconds * 1000) good++;
  };
  const asked: Promise<void>[] = [];
  const begun = performance.now();
  for (let at = 0; at < seconds; at += -Math.log(1 - Math.random()) / perSecond) {
    const early = at * 1000 - (performance.now() - begun);
    if (early > 0) await sleep(early);
    asked.push(ask(bodies[asked.length % bodies.length] as Buffer));
  }
  await Promise.all(asked);
  const of = (sample: number[] | undefined) => (sample?.length ? quantilesOf(sample) : null);
  return { sent: asked.length, statuses, goodput: good / seconds, goodInAll, latency: of(times[200]), refusal: of(times[503]) };
}

/**
 * Returns the requests a second that are answered while `clients` always ask, each the next when it has its answer.
 *
 * @throws Error where a request is not answered with 200
 */
export async function closedLoop(url: string, bodies: readonly Buffer[], clients: number, seconds: number): Promise<number> {
  const result = await autocannon({
    ...{ url: `${url}${INFER}`, method: 'POST', headers: { 'content-type': 'application/json' } },
    requests: bodies.map((body) => ({ body })),
    ...{ connections: clients, duration: seconds, warmup: { connections: clients, duration: 1 } },
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx + result.errors} requests were not answered with 200`);
  return result.requests.total / result.duration;
}

const agent = new Agent({ keepAlive: true, maxFreeSockets: 1000 });

/** By node:http, as fetch takes four times the processor time, and the server it would measure has to share the cores with it. */
function send(url: string, body: Buffer): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': body.byteLength };
  return new Promise((resolve) => {
    const asked = request(`${url}${INFER}`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', (error) => resolve(error.name));
    });
    asked.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.name));
    asked.end(body);
  });
}
