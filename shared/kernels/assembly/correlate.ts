import { multiplyAdd } from './multiply-add';

/**
 * sums[m, j] += sum over positions p of x[p + offset(m)] * dy[p, j]: the gradient of a convolution's filter (m is a tap of the
 * window), or the product of a transposed matrix.
 *
 * Positions are images x rows x cols, `xImage`, `xRow`, `xCol` their steps in `x` in bytes.
 *
 * @param offsets `m` offsets in bytes, a multiple of four: the last one is repeated
 * @param dy panels of eight columns, [n / 8, positions, 8]
 * @param sums panels of eight columns, [n / 8, m, 8], added to
 */
export function correlate(
  x: usize,
  xImage: usize,
  xRow: usize,
  xCol: usize,
  offsets: usize,
  m: i32,
  dy: usize,
  panels: i32,
  images: i32,
  rows: i32,
  cols: i32,
  sums: usize,
): void {
  const panelBytes = <usize>(images * rows * cols) * 32;
  for (let i = 0; i < m; i += 4) {
    for (let j = 0; j < panels; j++) {
      const to = sums + <usize>(j * m + i) * 32;
      tile(x, xImage, xRow, xCol, offsets + <usize>i * 4, dy + <usize>j * panelBytes, images, rows, cols, to);
    }
  }
}

/** Computes four taps by eight columns, as many as fit the registers; see convolve.ts. */
function tile(
  x: usize,
  xImage: usize,
  xRow: usize,
  xCol: usize,
  offsets: usize,
  b: usize,
  images: i32,
  rows: i32,
  cols: i32,
  to: usize,
): void {
  let a0 = x + load<usize>(offsets),
    a1 = x + load<usize>(offsets, 4);
  let a2 = x + load<usize>(offsets, 8),
    a3 = x + load<usize>(offsets, 12);
  let c00 = v128.load(to),
    c01 = v128.load(to, 16),
    c10 = v128.load(to, 32),
    c11 = v128.load(to, 48);
  let c20 = v128.load(to, 64),
    c21 = v128.load(to, 80),
    c30 = v128.load(to, 96),
    c31 = v128.load(to, 112);
  const nextRow = xRow - <usize>cols * xCol;
  const nextImage = xImage - <usize>rows * xRow;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      const end = b + ((<usize>cols) << 5);
      while (b < end) {
        const u = v128.load(b),
          v = v128.load(b, 16);
        const s0 = v128.load32_splat(a0),
          s1 = v128.load32_splat(a1),
          s2 = v128.load32_splat(a2),
          s3 = v128.load32_splat(a3);
        c00 = multiplyAdd(s0, u, c00);
        c01 = multiplyAdd(s0, v, c01);
        c10 = multiplyAdd(s1, u, c10);
        c11 = multiplyAdd(s1, v, c11);
        c20 = multiplyAdd(s2, u, c20);
        c21 = multiplyAdd(s2, v, c21);
        c30 = multiplyAdd(s3, u, c30);
        c31 = multiplyAdd(s3, v, c31);
        a0 += xCol;
        a1 += xCol;
        a2 += xCol;
        a3 += xCol;
        b += 32;
      }
      a0 += nextRow;
      a1 += nextRow;
      a2 += nextRow;
      a3 += nextRow;
    }
    a0 += nextImage;
    a1 += nextImage;
    a2 += nextImage;
    a3 += nextImage;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to, c10, 32);
  v128.store(to, c11, 48);
  v128.store(to, c20, 64);
  v128.store(to, c21, 80);
  v128.store(to, c30, 96);
  v128.store(to, c31, 112);
}
