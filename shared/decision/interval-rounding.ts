/*
 * Interval bounds in float32 that hold for what float32 computes. With u = 2^-24 (half the distance from 1 to the next number), a sum of
 * n products is off by at most n u / (1 - n u) times the sum of their absolute values, in any order and with fused multiply-adds or
 * without (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). This happens to the layer of the image that the bounds are
 * for, to that of the box's centre, and to the sum of its radii: with an upper bound a >= 0 of a layer's inputs, radii that are larger by
 * 2.51 n u a + 4 u a cover them. So no runtime, nor two that sum in different orders, can leave the box.
 */

const UNIT = 2 ** -24;

/** Returns by which share of their upper bound, 3 n u and something for the steps between layers, the radii that enter a layer are widened. */
export function roundingShare(terms: number): number {
  return (3 * terms + 64) * UNIT;
}

/** Added to every radius that a layer gives: more than what numbers too small for float32 lose. */
export const UNDERFLOW = 1e-30;

/** Returns the radius of a box, a float32: evaluations count a perturbation as within a radius up to 1e-5 of it. */
export function boxRadius(radius: number): number {
  return Math.fround(radius * (1 + 2e-5));
}
