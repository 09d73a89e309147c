import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { Covariances } from '../bundle/screening-schema.ts';

/*
 * The Gaussian mixture of the latent space. Its means are one-hot vectors, zero-padded if the latent is wider than the number of
 * classes (paper, section 3). The loss weight makes component y of Eq. 3 N(mu_y, I / (2 latentWeight)).
 */

/** Scale s of the encoder's latent as evidence of a class in the search of Eq. 9; the squared distance between two means is 2. */
export const EVIDENCE_SCALE = 0.1;

/** How many times the prior of the winner's latent is taken off the runner-up's error. Chosen on unknown validation images of MNIST. */
export const PRIOR_IN_MARGIN = 2;

/** Returns k means of d values with `means[y][y] = 1`. @throws RangeError if d < k */
export function oneHotMeans(classes: number, latentDim: number): number[][] {
  if (latentDim < classes) throw new RangeError(`latentDim is ${latentDim}; one-hot means of ${classes} classes need at least ${classes}`);
  return Array.from({ length: classes }, (_, y) => Array.from({ length: latentDim }, (_, i) => (i === y ? 1 : 0)));
}

/** Returns ||a - b||^2. @throws RangeError if the lengths differ */
export function squaredEuclidean(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} values have no distance`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

/** Returns the index of the nearest mean in the Euclidean sense, the first of equals: the label of the paper's decision rule. */
export function nearestMean(latent: ArrayLike<number>, means: readonly ArrayLike<number>[]): number {
  const distances = means.map((mean) => squaredEuclidean(latent, mean));
  return distances.reduce((best, distance, y) => (distance < (distances[best] as number) ? y : best), 0);
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

/** Returns Sigma_y^-1 of every class, each d x d. @throws RangeError if a covariance is not positive definite */
export function precisionsOf(covariances: Covariances, latentDim: number): number[][][] {
  if (covariances.kind === 'full') return covariances.values.map(inverse);
  return covariances.values.map((values) =>
    Array.from({ length: latentDim }, (_, i) =>
      Array.from({ length: latentDim }, (_, j) => (i === j ? 1 / (typeof values === 'number' ? values : (values[i] as number)) : 0)),
    ),
  );
}

/** Inverts a symmetric positive definite matrix, of which the lower triangle is read. */
function inverse(values: number[][]): number[][] {
  const n = values.length;
  // The decomposition refuses a matrix whose halves differ by rounding.
  const symmetric = values.map((_, i) => values.map((_, j) => values[Math.max(i, j)]?.[Math.min(i, j)] as number));
  const decomposition = new CholeskyDecomposition(new Matrix(symmetric));
  if (!decomposition.isPositiveDefinite()) throw new RangeError('a covariance is not positive definite');
  return decomposition.solve(Matrix.eye(n)).to2DArray();
}
