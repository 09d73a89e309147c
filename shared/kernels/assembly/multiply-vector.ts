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
 * Does what `multiplyVector` does, and in the same pass over the weights the interval bounds' part: for the box's centre c it writes
 * d[j] = bias'[j] + sum over k of c[k] * w[k, j], and for its radius r, z[j] = bias''[j] + sum over k of r[k] * |w[k, j]|.
 *
 * @param w panels of eight columns, each led by its eight biases
 * @param centre panels as w, of which only the biases are read; `absolute` likewise
 * @param y as d and z, 8 * panels values
 */
export function multiplyWithBounds(
  x: usize,
  c: usize,
  r: usize,
  length: i32,
  w: usize,
  centre: usize,
  absolute: usize,
  panels: i32,
  y: usize,
  d: usize,
  z: usize,
): void {
  const bytes = (<usize>length) << 2;
  const panelBytes: usize = 32 + (bytes << 3);
  const end = x + bytes;
  for (let p = 0; p < panels; p++) {
    let y0 = v128.load(w),
      y1 = v128.load(w, 16);
    let d0 = v128.load(centre),
      d1 = v128.load(centre, 16);
    let z0 = v128.load(absolute),
      z1 = v128.load(absolute, 16);
    w += 32;
    let ofC = c,
      ofR = r;
    for (let at = x; at < end; at += 4, ofC += 4, ofR += 4, w += 32) {
      const u = v128.load(w),
        v = v128.load(w, 16);
      const s = v128.load32_splat(at),
        t = v128.load32_splat(ofC),
        q = v128.load32_splat(ofR);
      y0 = multiplyAdd(s, u, y0);
      y1 = multiplyAdd(s, v, y1);
      d0 = multiplyAdd(t, u, d0);
      d1 = multiplyAdd(t, v, d1);
      z0 = multiplyAdd(q, f32x4.abs(u), z0);
      z1 = multiplyAdd(q, f32x4.abs(v), z1);
    }
    v128.store(y, y0);
    v128.store(y, y1, 16);
    v128.store(d, d0);
    v128.store(d, d1, 16);
    v128.store(z, z0);
    v128.store(z, z1, 16);
    centre += panelBytes;
    absolute += panelBytes;
    y += 32;
    d += 32;
    z += 32;
  }
}
