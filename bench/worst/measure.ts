import { forgetPeak, peakMemory, processorTime, residentMemory } from '../process-usage.ts';
import { medianOf } from '../quantiles.ts';
import { connect } from '../reliability/send.ts';
import type { HostileRequest } from './hostile-bodies.ts';

/** The cost of a request. */
export interface Worst {
  bytes: number;
  status: number;
  /** Median of the runs, without what a request with a body of one byte takes. */
  cpuMs: number;
  /** The first of its process. */
  firstCpuMs: number;
  /** The most resident memory during the first, above that before it. */
  memoryMiB: number;
  /** The same over all requests: V8 collects garbage when it chooses. */
  inARowMiB: number;
  /** The longest wait of a digit that was sent with it. */
  digitMs: number;
}

/** @param digit a PNG that is accepted. @throws Error where the digit is not screened, or the process ends */
export async function measureWorst(
  worker: { url: string; pid: number; ended(): string | null },
  { path, headers, body }: HostileRequest,
  digit: Buffer,
  runs: number,
): Promise<Worst> {
  const client = connect(worker.url, { connections: 4, timeoutMs: 60_000 });
  const ask = async (sending: { path: string; headers: Record<string, string>; body: Buffer }) => {
    const answer = await client.send(sending);
    if (!answer) throw new Error('there is no answer');
    return answer;
  };
  const good = { path: '/screen', headers: { 'content-type': 'image/png' }, body: digit };
  const cpuOf = async (sending: { path: string; headers: Record<string, string>; body: Buffer }) => {
    const before = processorTime(worker.pid);
    await ask(sending);
    // Garbage collection continues beside and after it.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return processorTime(worker.pid) - before;
  };
  try {
    for (let i = 0; i < 30; i++) await ask(good);
    const empty: number[] = [];
    for (let i = 0; i < 5; i++) empty.push(await cpuOf({ ...good, headers: { 'content-type': 'text/plain' }, body: Buffer.of(0) }));
    const idle = residentMemory(worker.pid);
    forgetPeak(worker.pid);
    const spent: number[] = [];
    spent.push((await cpuOf({ path, headers, body })) - medianOf(empty));
    const memoryMiB = peakMemory(worker.pid) - idle;
    for (let i = 0; i < runs; i++) spent.push((await cpuOf({ path, headers, body })) - medianOf(empty));
    const waits: number[] = [];
    let status = 0;
    for (let i = 0; i < 3; i++) {
      const hostile = ask({ path, headers, body });
      // While its body is on its way.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const answer = await ask(good);
      waits.push(answer.milliseconds);
      if (answer.status !== 200 || !answer.body.includes('"accepted"'))
        throw new Error(`a digit is answered ${answer.status} ${answer.body}`);
      status = (await hostile).status;
    }
    const inARowMiB = peakMemory(worker.pid) - idle;
    return {
      bytes: body.length,
      status,
      cpuMs: medianOf(spent.slice(1)),
      firstCpuMs: spent[0] as number,
      memoryMiB,
      inARowMiB,
      digitMs: Math.max(...waits),
    };
  } catch (error) {
    throw new Error(worker.ended() ?? String(error));
  } finally {
    client.close();
  }
}
