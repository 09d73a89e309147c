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

/**
 * Writes y[j] = bias[j] + sum over k of x[k] * w[k, j] and, in the same pass over the weights, z[j] = bias'[j] + sum over k of
 * r[k] * |w[k, j]|: centre and radius of a dense layer's interval bounds for one image. Two panels at once have eight sums, enough that
 * none waits for the one before it.
 *
 * @param w panels of eight columns, each led by its eight biases
 * @param absolute the panels of |w|, of which only the biases are read
 * @param y as z, 8 * panels values
 */
export function multiplyIntervals(x: usize, r: usize, length: i32, w: usize, absolute: usize, panels: i32, y: usize, z: usize): void {
  const bytes = (<usize>length) << 2;
  const panelBytes: usize = 32 + (bytes << 3);
  const end = x + bytes;
  for (let p = 0; p < panels; p += 2) {
    // The last of an odd number of panels is its own neighbour.
    const next: usize = p + 1 < panels ? 1 : 0;
    const other: usize = next * panelBytes;
    const to: usize = next * 32;
    let y0 = v128.load(w),
      y1 = v128.load(w, 16),
      y2 = v128.load(w + other),
      y3 = v128.load(w + other, 16);
    let z0 = v128.load(absolute),
      z1 = v128.load(absolute, 16),
      z2 = v128.load(absolute + other),
      z3 = v128.load(absolute + other, 16);
    let low = w + 32,
      high = low + other,
      radius = r;
    for (let at = x; at < end; at += 4, radius += 4, low += 32, high += 32) {
      const a = v128.load(low),
        b = v128.load(low, 16),
        c = v128.load(high),
        d = v128.load(high, 16);
      const s = v128.load32_splat(at),
        t = v128.load32_splat(radius);
      y0 = multiplyAdd(s, a, y0);
      y1 = multiplyAdd(s, b, y1);
      y2 = multiplyAdd(s, c, y2);
      y3 = multiplyAdd(s, d, y3);
      z0 = multiplyAdd(t, f32x4.abs(a), z0);
      z1 = multiplyAdd(t, f32x4.abs(b), z1);
      z2 = multiplyAdd(t, f32x4.abs(c), z2);
      z3 = multiplyAdd(t, f32x4.abs(d), z3);
    }
    v128.store(y, y0);
    v128.store(y, y1, 16);
    v128.store(y + to, y2);
    v128.store(y + to, y3, 16);
    v128.store(z, z0);
    v128.store(z, z1, 16);
    v128.store(z + to, z2);
    v128.store(z + to, z3, 16);
    w += panelBytes + other;
    absolute += panelBytes + other;
    y += 32 + to;
    z += 32 + to;
  }
}
