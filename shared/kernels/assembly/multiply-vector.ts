import { multiplyAdd } from './multiply-add';

/**
 * Writes y[j] = bias[j] + sum over k of x[k] * w[k, j]: the dense layer of one image, which reads each weight once and gains nothing by
 * tiles. Each column has four sums, so that none waits for the one before it.
 *
 * @param w panels of eight columns, each led by its eight biases
 * @param y 8 * panels values
 */
export function multiplyVector(x: usize, length: i32, w: usize, panels: i32, y: usize): void {
  const end = x + ((<usize>length) << 2);
  const whole = x + ((<usize>(length & ~3)) << 2);
  for (let p = 0; p < panels; p++, y += 32) {
    let a0 = v128.load(w),
      a1 = v128.load(w, 16);
    let b0 = v128.splat<f32>(0),
      b1 = b0,
      c0 = b0,
      c1 = b0,
      d0 = b0,
      d1 = b0;
    w += 32;
    let at = x;
    for (; at < whole; at += 16, w += 128) {
      const s = v128.load32_splat(at),
        t = v128.load32_splat(at, 4),
        u = v128.load32_splat(at, 8),
        v = v128.load32_splat(at, 12);
      a0 = multiplyAdd(s, v128.load(w), a0);
      a1 = multiplyAdd(s, v128.load(w, 16), a1);
      b0 = multiplyAdd(t, v128.load(w, 32), b0);
      b1 = multiplyAdd(t, v128.load(w, 48), b1);
      c0 = multiplyAdd(u, v128.load(w, 64), c0);
      c1 = multiplyAdd(u, v128.load(w, 80), c1);
      d0 = multiplyAdd(v, v128.load(w, 96), d0);
      d1 = multiplyAdd(v, v128.load(w, 112), d1);
    }
    for (; at < end; at += 4, w += 32) {
      const s = v128.load32_splat(at);
      a0 = multiplyAdd(s, v128.load(w), a0);
      a1 = multiplyAdd(s, v128.load(w, 16), a1);
    }
    v128.store(y, f32x4.add(f32x4.add(a0, b0), f32x4.add(c0, d0)));
    v128.store(y, f32x4.add(f32x4.add(a1, b1), f32x4.add(c1, d1)), 16);
  }
}
