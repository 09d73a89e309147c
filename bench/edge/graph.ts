import { type Quantiles, quantilesOf } from '../quantiles.ts';
import type { GraphSide } from './graph-sides.ts';

const ROUNDS = { 1: 120, 64: 25 };
const RUNS = { 1: 20, 64: 1 };

export type GraphTimes = Record<string, { 1: Quantiles; 64: Quantiles }>;

/** Milliseconds of an inference of 1 and of 64 images on each side, in turns. */
export async function measureGraph(sides: readonly GraphSide[]): Promise<GraphTimes> {
  const times = new Map(sides.map(({ name }) => [name, { 1: [] as number[], 64: [] as number[] }]));
  for (const batch of [1, 64] as const) {
    for (const { time } of sides) await time(batch, batch === 1 ? 200 : 3);
    for (let round = 0; round < ROUNDS[batch]; round++)
      for (const { name, time } of sides) times.get(name)?.[batch].push(await time(batch, RUNS[batch]));
  }
  return Object.fromEntries([...times].map(([name, sample]) => [name, { 1: quantilesOf(sample[1]), 64: quantilesOf(sample[64]) }]));
}
