import { processorTime, residentMemory } from '../process-usage.ts';
import { closedLoop, openLoop } from './load.ts';
import { startServer } from './server.ts';

const THREADS = 2;
const SECONDS = 20;
const EVENT_LOOP = 'nodejs_eventloop_lag_p99_seconds';
const SEARCHED = 'portcullis_fallback_search_seconds_sum';
const IMAGES = 'portcullis_fallback_images_total';

/** Five times what the server can take, of requests that say how long they have; its defaults but for the threads. */
export async function measureOverload(bodies: readonly Buffer[], withinMs: number) {
  const server = await startServer('--threads', String(THREADS));
  const images = () => server.metric(IMAGES);
  /** Images that the server searches in a second of its processor time while it has just as much to do as it can. */
  const measureCapacity = async () => {
    const [before, cpu] = [await images(), processorTime(server.pid)];
    const perSecond = await closedLoop(server.url, bodies, 8 * THREADS, 8);
    return { perSecond, perCpuSecond: (1000 * ((await images()) - before)) / (processorTime(server.pid) - cpu) };
  };
  const first = await measureCapacity();
  const memory = [residentMemory(server.pid)];
  const before = { seconds: await server.metric(SEARCHED), images: await images(), cpu: processorTime(server.pid) };
  // A look at the delay of the event loop begins it anew.
  await server.metric(EVENT_LOOP);
  const watching = setInterval(() => memory.push(residentMemory(server.pid)), 250);
  const started = performance.now();
  const load = await openLoop(server.url, bodies, 5 * first.perSecond, SECONDS, withinMs);
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watching);
  const cpuSeconds = (processorTime(server.pid) - before.cpu) / 1000;
  const eventLoopP99Ms = 1000 * (await server.metric(EVENT_LOOP));
  const searched = { seconds: (await server.metric(SEARCHED)) - before.seconds, images: (await images()) - before.images };
  const second = await measureCapacity();
  await server.close();
  const inTime = load.goodInAll / searched.images;
  return {
    ...{ threads: THREADS, withinMs, offered: 5 * first.perSecond, capacity: [first, second], ...load, eventLoopP99Ms },
    goodputOfCapacity: (2 * load.goodput) / (first.perSecond + second.perSecond),
    /** The same by processor time, of which other work on the machine takes none: answers in time for a second of it. */
    goodputOfCapacityByCpu: (2 * load.goodInAll) / cpuSeconds / (first.perCpuSecond + second.perCpuSecond),
    /** Utilization of the threads, times the share of their work that was used. */
    busyAndInTime: { busy: searched.seconds / (THREADS * seconds), inTime, product: (inTime * searched.seconds) / (THREADS * seconds) },
    memory: { start: memory[0] as number, most: Math.max(...memory) },
  };
}

/** Requests of 64 images, half a megabyte of JSON or more each. @returns p99 of the event loop's delay, ms */
export async function measureLargeBodies(body: Buffer, perSecond: number): Promise<number> {
  const server = await startServer('--threads', '1');
  await server.metric(EVENT_LOOP);
  await openLoop(server.url, [body], perSecond, 6, 1000);
  const p99 = 1000 * (await server.metric(EVENT_LOOP));
  await server.close();
  return p99;
}
