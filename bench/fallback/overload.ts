import { residentMemory } from '../edge/process-usage.ts';
import { closedLoop, openLoop } from './load.ts';
import { startServer } from './server.ts';

const THREADS = 2;
const SECONDS = 20;
const EVENT_LOOP = 'nodejs_eventloop_lag_p99_seconds';
const SEARCHED = 'portcullis_fallback_search_seconds_sum';
const IMAGES = 'portcullis_fallback_images_total';

/** Five times what the server can take, of requests that say how long they have; its defaults but for the threads. */
export async function measureOverload(bodies: readonly string[], withinMs: number) {
  const server = await startServer('--threads', String(THREADS));
  const capacity = [await closedLoop(server.url, bodies, 8 * THREADS, 8)];
  const memory = [residentMemory(server.pid)];
  const before = { seconds: await server.metric(SEARCHED), images: await server.metric(IMAGES) };
  // A look at the delay of the event loop begins it anew.
  await server.metric(EVENT_LOOP);
  const watching = setInterval(() => memory.push(residentMemory(server.pid)), 250);
  const started = performance.now();
  const load = await openLoop(server.url, bodies, 5 * (capacity[0] as number), SECONDS, withinMs);
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watching);
  const eventLoopP99Ms = 1000 * (await server.metric(EVENT_LOOP));
  const searched = { seconds: (await server.metric(SEARCHED)) - before.seconds, images: (await server.metric(IMAGES)) - before.images };
  capacity.push(await closedLoop(server.url, bodies, 8 * THREADS, 8));
  await server.close();
  const inTime = load.goodInAll / searched.images;
  return {
    ...{ threads: THREADS, withinMs, offered: 5 * (capacity[0] as number), capacity, ...load, eventLoopP99Ms },
    goodputOfCapacity: (2 * load.goodput) / ((capacity[0] as number) + (capacity[1] as number)),
    /** Free of what other work on the machine does: how busy the threads were, times how much of what they did was of use. */
    busyAndInTime: { busy: searched.seconds / (THREADS * seconds), inTime, product: (inTime * searched.seconds) / (THREADS * seconds) },
    memory: { start: memory[0] as number, most: Math.max(...memory) },
  };
}

/** Requests of 64 images, half a megabyte of JSON or more each. @returns p99 of the event loop's delay, ms */
export async function measureLargeBodies(body: string, perSecond: number): Promise<number> {
  const server = await startServer('--threads', '1');
  await server.metric(EVENT_LOOP);
  await openLoop(server.url, [body], perSecond, 6, 1000);
  const p99 = 1000 * (await server.metric(EVENT_LOOP));
  await server.close();
  return p99;
}
