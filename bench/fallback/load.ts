import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Quantiles, quantilesOf } from '../edge/quantiles.ts';

export interface Load {
  sent: number;
  statuses: Record<string, number>;
  /** Answers that came within the limit and while the load lasted, a second of it. */
  goodput: number;
  /** Answers that came within the limit, those after the load's end too. */
  goodInAll: number;
  /** Of those answered with 200, ms. */
  latency: Quantiles | null;
  /** Of those refused with 503, ms. */
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

/** Requests a second that are answered while `clients` always ask, each the next when it has its answer. */
export async function closedLoop(url: string, bodies: readonly Buffer[], clients: number, seconds: number): Promise<number> {
  let answered = 0;
  let counting = false;
  let ends = false;
  const client = async (first: number) => {
    for (let i = first; !ends; i++) {
      const status = await send(url, bodies[i % bodies.length] as Buffer);
      if (status !== '200') throw new Error(`a request that should have been answered got ${status}`);
      if (counting && !ends) answered++;
    }
  };
  const all = Array.from({ length: clients }, (_, i) => client(i));
  await sleep(1000);
  counting = true;
  await sleep(seconds * 1000);
  ends = true;
  await Promise.all(all);
  return answered / seconds;
}

const agent = new Agent({ keepAlive: true, maxFreeSockets: 1000 });

/** By node:http, as fetch takes four times the processor time, and the server it would measure has to share the cores with it. */
function send(url: string, body: Buffer): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': body.byteLength };
  return new Promise((resolve) => {
    const asked = request(`${url}/v2/models/reclassify/infer`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', (error) => resolve(error.name));
    });
    asked.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.name));
    asked.end(body);
  });
}
