/** Quantiles of repeated measurements of one thing. */
export interface Quantiles {
  p10: number;
  p50: number;
  p95: number;
  p99: number;
}

export function quantilesOf(sample: readonly number[]): Quantiles {
  const sorted = [...sample].sort((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(4));
  return { p10: at(0.1), p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Returns the value below which a share, 0 to 1, of the sample lies; NaN if the sample is empty. */
export function quantile(sample: readonly number[], share: number): number {
  if (sample.length === 0) return Number.NaN;
  return [...sample].sort((a, b) => a - b)[Math.floor(share * (sample.length - 1))] as number;
}

export const medianOf = (sample: readonly number[]): number => quantile(sample, 0.5);
