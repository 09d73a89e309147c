import { residentMemory } from '../edge/process-usage.ts';

/** @param share 0 to 1. @returns NaN of none */
export function quantile(sample: readonly number[], share: number): number {
  if (sample.length === 0) return Number.NaN;
  return [...sample].sort((a, b) => a - b)[Math.floor(share * (sample.length - 1))] as number;
}

export const medianOf = (sample: readonly number[]): number => quantile(sample, 0.5);

/** @returns resident MiB of each second so far, once it is stopped */
export function watchMemory(pid: number): { stop(): number[] } {
  const seen: number[] = [];
  const timer = setInterval(() => {
    try {
      seen.push(residentMemory(pid));
    } catch {
      // The process has ended, which is told elsewhere.
    }
  }, 1000);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}
