import { multiplyAdd } from './multiply-add';

/** Sets x = max(x, 0) in place; NaN stays. Reads and writes memory up to the next multiple of sixteen bytes. */
export function rectify(x: usize, count: i32): void {
  const zero = v128.splat<f32>(0);
  for (const end = x + ((<usize>count) << 2); x < end; x += 16) v128.store(x, f32x4.max(v128.load(x), zero));
}

/** Sets x = 1 / (1 + exp(-x)) in place; NaN stays. Reads and writes memory as `rectify` does. */
export function sigmoid(x: usize, count: i32): void {
  const one = v128.splat<f32>(1);
  for (const end = x + ((<usize>count) << 2); x < end; x += 16)
    v128.store(x, f32x4.div(one, f32x4.add(one, exponential(f32x4.neg(v128.load(x))))));
}

/** Computes exp within 2 units in the last place: 2^n times a polynomial on |r| <= ln 2 / 2 (Cephes, expf). */
function exponential(x: v128): v128 {
  // Beyond these limits float32 overflows; max and min keep NaN.
  x = f32x4.max(f32x4.min(x, v128.splat<f32>(88)), v128.splat<f32>(-87));
  const n = f32x4.nearest(f32x4.mul(x, v128.splat<f32>(<f32>Math.LOG2E)));
  // ln 2 in two parts, so that no digit is lost.
  const r = multiplyAdd(n, v128.splat<f32>(2.1219444e-4), multiplyAdd(n, v128.splat<f32>(-0.693359375), x));
  let p = v128.splat<f32>(1.98756915e-4);
  p = multiplyAdd(p, r, v128.splat<f32>(1.3981999507e-3));
  p = multiplyAdd(p, r, v128.splat<f32>(8.3334519073e-3));
  p = multiplyAdd(p, r, v128.splat<f32>(4.1665795894e-2));
  p = multiplyAdd(p, r, v128.splat<f32>(1.6666665459e-1));
  p = multiplyAdd(p, r, v128.splat<f32>(5.0000001201e-1));
  const sum = f32x4.add(multiplyAdd(f32x4.mul(r, r), p, r), v128.splat<f32>(1));
  // 2^n by its bits; with NaN the product is NaN whatever they are.
  return f32x4.mul(sum, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23));
}
