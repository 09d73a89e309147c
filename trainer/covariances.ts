import type { Covariances } from '../shared/bundle/screening-schema.ts';

/** Number of images that the prior of a class counts for: a class with few images is drawn towards the average over all classes. */
const PRIOR = 10;
/** Keeps a variance above zero where a latent dimension never moves. */
const FLOOR = 1e-8;

/**
 * Estimates Sigma_y of the latent test: the covariance of each class's encodings about its mean mu_y (not about their own average).
 *
 * @param latents f(x) of clean images
 * @param labels the class of each
 */
export function estimateCovariances(
  latents: readonly (readonly number[])[],
  labels: readonly number[],
  means: readonly (readonly number[])[],
  kind: Covariances['kind'] | 'shared',
): Covariances {
  const d = (means[0] as readonly number[]).length;
  const full = kind === 'full';
  const zero = () => Array.from({ length: d }, () => new Array<number>(d).fill(0));
  const sums = means.map(zero);
  const counts = means.map(() => 0);
  latents.forEach((latent, n) => {
    const y = labels[n] as number;
    const delta = latent.map((value, i) => value - (means[y]?.[i] as number));
    counts[y] = (counts[y] as number) + 1;
    const sum = sums[y] as number[][];
    delta.forEach((di, i) => {
      const row = sum[i] as number[];
      for (let j = full ? 0 : i; j <= (full ? d - 1 : i); j++) row[j] = (row[j] as number) + di * (delta[j] as number);
    });
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  const pooled = Array.from({ length: d }, (_, i) => sums.reduce((sum, matrix) => sum + (matrix[i]?.[i] as number), 0) / total);
  if (kind === 'shared') return { kind: 'spherical', values: means.map(() => pooled.reduce((sum, value) => sum + value, 0) / d + FLOOR) };
  const matrices = sums.map((matrix, y) =>
    matrix.map((row, i) => {
      const count = counts[y] as number;
      // The prior has no correlations, which keeps a full covariance positive definite (shrinkage).
      return row.map((value, j) => (value + PRIOR * (i === j ? (pooled[i] as number) + FLOOR : 0)) / (count + PRIOR));
    }),
  );
  if (kind === 'full') return { kind, values: matrices };
  const diagonals = matrices.map((matrix) => matrix.map((row, i) => row[i] as number));
  if (kind === 'diagonal') return { kind, values: diagonals };
  return { kind, values: diagonals.map((diagonal) => diagonal.reduce((sum, value) => sum + value, 0) / d) };
}

/** Tells whether all classes have one variance: then they have one latent threshold too. */
export function areShared({ kind, values }: Covariances): boolean {
  return kind === 'spherical' && values.every((value) => value === values[0]);
}

/** Returns the standard deviations of class y along the latent's dimensions: d values, for a full covariance those of its diagonal. */
export function deviationsOf({ kind, values }: Covariances, y: number, d: number): number[] {
  if (kind === 'spherical') return new Array<number>(d).fill(Math.sqrt(values[y] as number));
  if (kind === 'diagonal') return (values[y] as number[]).map(Math.sqrt);
  return (values[y] as number[][]).map((row, i) => Math.sqrt(row[i] as number));
}
