import { closedLoop, openLoop } from './load.ts';
import { type Server, startServer } from './server.ts';

const SIDES = [1, 2].flatMap((threads) => [1, 8].map((batchSize) => ({ threads, batchSize })));
const SHARES = [0.3, 0.6, 0.9];
const ROUNDS = 3;

export interface Side {
  threads: number;
  batchSize: number;
  /** Images a second of each round. */
  capacity: number[];
  /** At a share of the median capacity. */
  loads: { share: number; p50: number | undefined; p99: number | undefined; statuses: Record<string, number> }[];
}

/** Throughput and latency by threads, with and without batches, in turns: other work on the machine then hits all alike. */
export async function measureSides(bodies: readonly Buffer[], withinMs: number): Promise<Side[]> {
  const servers: Server[] = [];
  for (const { threads, batchSize } of SIDES)
    servers.push(await startServer('--threads', String(threads), '--batch-size', String(batchSize)));
  const sides = servers.map((server, i) => ({
    server,
    ...(SIDES[i] as (typeof SIDES)[0]),
    capacity: [] as number[],
    loads: [] as Side['loads'],
  }));
  for (let round = 0; round < ROUNDS; round++)
    for (const { server, threads, capacity } of sides) capacity.push(await closedLoop(server.url, bodies, 8 * threads, 4));
  for (const share of SHARES) {
    for (const { server, capacity, loads } of sides) {
      const median = [...capacity].sort((a, b) => a - b)[1] as number;
      const { latency, statuses } = await openLoop(server.url, bodies, share * median, 5, withinMs);
      loads.push({ share, p50: latency?.p50, p99: latency?.p99, statuses });
    }
  }
  await Promise.all(servers.map(({ close }) => close()));
  return sides.map(({ server: _, ...side }) => side);
}
