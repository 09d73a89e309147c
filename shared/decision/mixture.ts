/**
 * The Gaussian mixture of the latent space. Its means are one-hot vectors, zero-padded where the latent is wider than the
 * number of classes (paper, section 3); the loss weight makes component y of Eq. 3 N(mu_y, I / (2 latentWeight)).
 */

/** k means of d values, `means[y][y] = 1`. @throws RangeError where d < k */
export function oneHotMeans(classes: number, latentDim: number): number[][] {
  if (latentDim < classes) throw new RangeError(`latentDim is ${latentDim}; one-hot means of ${classes} classes need at least ${classes}`);
  return Array.from({ length: classes }, (_, y) => Array.from({ length: latentDim }, (_, i) => (i === y ? 1 : 0)));
}

/** ||a - b||^2 */
export function squaredEuclidean(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} values have no distance`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

/** Index of the mean that is nearest in the Euclidean sense, the first of equals: the label of the paper's decision rule. */
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
