import type { Covariances } from '../bundle/screening-schema.ts';

/*
 * The Gaussian mixture of the latent space. Its means are one-hot vectors, zero-padded where the latent is wider than the number of
 * classes (paper, section 3). The loss weight makes component y of Eq. 3 N(mu_y, I / (2 latentWeight)).
 */

/** Returns k means of d values with `means[y][y] = 1`. @throws RangeError where d < k */
export function oneHotMeans(classes: number, latentDim: number): number[][] {
  if (latentDim < classes) throw new RangeError(`latentDim is ${latentDim}; one-hot means of ${classes} classes need at least ${classes}`);
  return Array.from({ length: classes }, (_, y) => Array.from({ length: latentDim }, (_, i) => (i === y ? 1 : 0)));
}

/** Returns ||a - b||^2. @throws RangeError where the lengths differ */
export function squaredEuclidean(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} values have no distance`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

/** Returns the index of the nearest mean in the Euclidean sense, the first of equals: the label of the paper's decision rule. */
export function nearestMean(latent: ArrayLike<number>, means: readonly ArrayLike<number>[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  means.forEach((mean, y) => {
    const distance = squaredEuclidean(latent, mean);
    if (distance < least) {
      least = distance;
      best = y;
    }
  });
  return best;
}

/**
 * Returns the squared Mahalanobis distance (z - mu)^T Sigma^-1 (z - mu) of a latent to its label's mean, in units of variances.
 * The paper prints Sigma in this place (section 3.1) and means its inverse.
 *
 * @param latent z, d values
 * @param mean mu_y, d values
 * @param precision `precisionsOf(covariances)[y]`
 */
export function latentDistance(latent: ArrayLike<number>, mean: ArrayLike<number>, precision: readonly (readonly number[])[]): number {
  const delta = Array.from(latent, (value, i) => value - (mean[i] as number));
  let sum = 0;
  delta.forEach((di, i) => {
    const row = precision[i] as readonly number[];
    delta.forEach((dj, j) => {
      sum += di * (row[j] as number) * dj;
    });
  });
  return sum;
}

/** Returns Sigma_y^-1 of every class, each d x d. @throws RangeError where a covariance is not positive definite */
export function precisionsOf(covariances: Covariances, latentDim: number): number[][][] {
  if (covariances.kind === 'full') return covariances.values.map(inverse);
  return covariances.values.map((values) =>
    Array.from({ length: latentDim }, (_, i) =>
      Array.from({ length: latentDim }, (_, j) => (i === j ? 1 / (typeof values === 'number' ? values : (values[i] as number)) : 0)),
    ),
  );
}

/** Inverse of a symmetric positive definite matrix through its Cholesky factor L: Sigma^-1 = L^-T L^-1. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const at = (m: readonly (readonly number[])[], i: number, j: number) => (m[i] as readonly number[])[j] as number;
  const lower: number[][] = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(matrix, i, j);
      for (let m = 0; m < j; m++) sum -= at(lower, i, m) * at(lower, j, m);
      if (i === j && !(sum > 0)) throw new RangeError(`a covariance is not positive definite (pivot ${sum} at row ${i})`);
      (lower[i] as number[])[j] = i === j ? Math.sqrt(sum) : sum / at(lower, j, j);
    }
  }
  const lowerInverse: number[][] = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let column = 0; column < n; column++) {
    for (let i = column; i < n; i++) {
      let sum = i === column ? 1 : 0;
      for (let m = column; m < i; m++) sum -= at(lower, i, m) * at(lowerInverse, m, column);
      (lowerInverse[i] as number[])[column] = sum / at(lower, i, i);
    }
  }
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let m = Math.max(i, j); m < n; m++) sum += at(lowerInverse, m, i) * at(lowerInverse, m, j);
      return sum;
    }),
  );
}
