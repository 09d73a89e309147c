import { multiplyAdd } from './multiply-add';

/**
 * `correlate` for a few columns: the lanes hold neighbouring taps, so no value of `dy` is worked on together with padding.
 *
 * @param runs rows of the filter's window, each of `runBytes` adjacent bytes, `runStride` apart
 * @param dy [positions, n]
 * @param sums [n, runs, runBytes / 4], added to
 */
export function correlateThin(
  x: usize,
  xImage: usize,
  xRow: usize,
  xCol: usize,
  runs: i32,
  runBytes: usize,
  runStride: usize,
  dy: usize,
  n: i32,
  images: i32,
  rows: i32,
  cols: i32,
  sums: usize,
): void {
  let to = sums;
  for (let j = 0; j < n; j++) {
    for (let r = 0; r < runs; r++) {
      const from = x + <usize>r * runStride;
      const gradients = dy + 4 * <usize>j;
      let k: usize = 0;
      for (; k + 32 <= runBytes; k += 32, to += 32) eight(from + k, xImage, xRow, xCol, gradients, 4 * n, images, rows, cols, to);
      for (; k < runBytes; k += 4, to += 4) one(from + k, xImage, xRow, xCol, gradients, 4 * n, images, rows, cols, to);
    }
  }
}

function eight(
  x: usize,
  xImage: usize,
  xRow: usize,
  xCol: usize,
  dy: usize,
  step: usize,
  images: i32,
  rows: i32,
  cols: i32,
  to: usize,
): void {
  let u = v128.load(to),
    v = v128.load(to, 16);
  // Two sums each, for the even and the odd positions: one alone would wait for itself.
  let u1 = f32x4.splat(0),
    v1 = u1;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      let a = x + <usize>image * xImage + <usize>row * xRow;
      let col = 1;
      for (; col < cols; col += 2) {
        const s = v128.load32_splat(dy),
          s1 = v128.load32_splat(dy + step);
        u = multiplyAdd(s, v128.load(a), u);
        v = multiplyAdd(s, v128.load(a, 16), v);
        u1 = multiplyAdd(s1, v128.load(a + xCol), u1);
        v1 = multiplyAdd(s1, v128.load(a + xCol, 16), v1);
        a += 2 * xCol;
        dy += 2 * step;
      }
      if (col === cols) {
        const s = v128.load32_splat(dy);
        u = multiplyAdd(s, v128.load(a), u);
        v = multiplyAdd(s, v128.load(a, 16), v);
        dy += step;
      }
    }
  }
  v128.store(to, f32x4.add(u, u1));
  v128.store(to, f32x4.add(v, v1), 16);
}

function one(
  x: usize,
  xImage: usize,
  xRow: usize,
  xCol: usize,
  dy: usize,
  step: usize,
  images: i32,
  rows: i32,
  cols: i32,
  to: usize,
): void {
  let sum: f32 = load<f32>(to);
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      let a = x + <usize>image * xImage + <usize>row * xRow;
      for (let col = 0; col < cols; col++, a += xCol, dy += step) sum += load<f32>(dy) * load<f32>(a);
    }
  }
  store<f32>(to, sum);
}
