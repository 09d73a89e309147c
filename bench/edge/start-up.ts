import { processorTime, residentMemory } from '../process-usage.ts';
import { type Quantiles, quantilesOf } from '../quantiles.ts';
import { startWorkerd } from '../workerd.ts';
import { post } from './requests.ts';

const STARTS = 9;
const REQUESTS = 200;

/** A worker that only reads the body: what HTTP and the runtime cost without Portcullis. */
export const READ_ONLY = `export default {
  async fetch(request) {
    return Response.json({ bytes: (await request.arrayBuffer()).byteLength });
  },
};`;

export interface StartUp {
  /** From the start of the process to the first answer: milliseconds by the clock, and of processor time of all threads. */
  wall: Quantiles;
  cpu: Quantiles;
  /** Resident memory after 200 requests, MiB. */
  memory: Quantiles;
}

/** Starts the screening worker and an empty one, each alone in a process, in turns. @param root folder that holds the dry run `screen` */
export async function measureStartUp(root: string, image: Buffer<ArrayBuffer>): Promise<{ screen: StartUp; empty: StartUp }> {
  const services = { screen: { directory: 'screen' }, empty: { script: READ_ONLY } };
  const samples = {
    screen: { wall: [] as number[], cpu: [] as number[], memory: [] as number[] },
    empty: { wall: [] as number[], cpu: [] as number[], memory: [] as number[] },
  };
  for (let start = 0; start < STARTS; start++) {
    for (const name of ['screen', 'empty'] as const) {
      const started = performance.now();
      const worker = await startWorkerd(root, { [name]: services[name] });
      const url = `${worker.urls[name]}/screen`;
      await post(url, image);
      samples[name].wall.push(performance.now() - started);
      samples[name].cpu.push(processorTime(worker.pid));
      for (let request = 0; request < REQUESTS; request++) await post(url, image);
      samples[name].memory.push(residentMemory(worker.pid));
      await worker.close();
    }
  }
  const quantiles = ({ wall, cpu, memory }: (typeof samples)['screen']): StartUp => ({
    wall: quantilesOf(wall),
    cpu: quantilesOf(cpu),
    memory: quantilesOf(memory),
  });
  return { screen: quantiles(samples.screen), empty: quantiles(samples.empty) };
}
