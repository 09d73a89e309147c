import { readFile } from 'node:fs/promises';
import { processorTime } from '../process-usage.ts';
import { type Quantiles, quantilesOf } from '../quantiles.ts';

const ROUNDS = 1000;
const BATCHES = 40;

/** The sample digits, as PNG. */
export const sampleImages = () => Promise.all(Array.from({ length: 10 }, (_, digit) => readFile(`test/samples/digit-${digit}-a.png`)));

/** Milliseconds until the answer is there. @throws Error where it is not 200 */
export async function post(url: string, body: Buffer<ArrayBuffer> | string, contentType = 'image/png'): Promise<number> {
  const started = performance.now();
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body });
  const answer = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${answer}`);
  return performance.now() - started;
}

/** POST /screen of one PNG beside a POST of the same body to a worker that only reads it, in turns, milliseconds. */
export async function measureRequests(
  screen: string,
  readOnly: string,
  images: Buffer<ArrayBuffer>[],
): Promise<{ screen: Quantiles; readOnly: Quantiles }> {
  const times = { screen: [] as number[], readOnly: [] as number[] };
  for (let round = -100; round < ROUNDS; round++) {
    const body = images[(round + 100) % images.length] as Buffer<ArrayBuffer>;
    const [ofScreen, ofReadOnly] = [await post(`${screen}/screen`, body), await post(readOnly, body)];
    if (round < 0) continue;
    times.screen.push(ofScreen);
    times.readOnly.push(ofReadOnly);
  }
  return { screen: quantilesOf(times.screen), readOnly: quantilesOf(times.readOnly) };
}

/** Processor time of the whole workerd process between one POST /screen and the next, milliseconds. */
export async function measureProcessorTime(screen: string, pid: number, images: Buffer<ArrayBuffer>[]): Promise<Quantiles> {
  const times: number[] = [];
  for (let round = -100; round < ROUNDS; round++) {
    const before = processorTime(pid);
    await post(`${screen}/screen`, images[(round + 100) % images.length] as Buffer<ArrayBuffer>);
    // What is done after the answer counts too.
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (round >= 0) times.push(processorTime(pid) - before);
  }
  return quantilesOf(times);
}

/** POST /screen of JSON with one PNG and with 64, in turns, milliseconds. */
export async function measureBatches(screen: string, images: Buffer<ArrayBuffer>[]): Promise<{ 1: Quantiles; 64: Quantiles }> {
  const times = { 1: [] as number[], 64: [] as number[] };
  for (let round = -5; round < BATCHES; round++) {
    for (const size of [1, 64] as const) {
      const batch = Array.from({ length: size }, (_, i) => ({ image: (images[i % images.length] as Buffer).toString('base64') }));
      // A single image is short: more of them, for a steady median.
      for (let again = 0; again < (size === 1 ? 5 : 1); again++) {
        const time = await post(`${screen}/screen`, JSON.stringify({ images: batch }), 'application/json');
        if (round >= 0) times[size].push(time);
      }
    }
  }
  return { 1: quantilesOf(times[1]), 64: quantilesOf(times[64]) };
}
