/** What the graphs and the image say of one image; the decision needs nothing else. */
export interface Scores {
  /** Index of the nearest mean. */
  label: number;
  /** Squared Mahalanobis distance of the latent to its label's mean. */
  latentDistance: number;
  /** Sum over pixels and channels of (x - g(f(x)))^2. */
  reconstructionError: number;
  /** The error in proportion to the image's energy, see `relativeError`. */
  relativeError: number;
  /** Of a search: ||g(z') - x||^2 of the best latent z' of another class. Absent where it does not say. */
  runnerUpError?: number;
}

/**
 * Reconstruction error divided by (offset + the image's energy). The paper's error is in absolute units, so a blank page,
 * of which any class's reconstruction is nearly right, passes it; in proportion to what is on the page it does not.
 *
 * @param reconstructionError sum of squares, >= 0
 * @param image values in [0, 1], of one image
 * @param offset > 0, in the units of the energy; keeps the ratio finite for a blank image
 */
export function relativeError(reconstructionError: number, image: ArrayLike<number>, offset: number): number {
  let energy = 0;
  for (let i = 0; i < image.length; i++) energy += (image[i] as number) ** 2;
  return reconstructionError / (offset + energy);
}

/** The offset that is used at export: half a per cent of the energy of an all-white image (3.92 for 28x28x1). */
export function defaultRelativeErrorOffset(floats: number): number {
  return 0.005 * floats;
}
