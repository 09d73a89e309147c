import { multiplyAdd } from './multiply-add';

/** Positions that are worked on at once: the inputs of so many stay in the first-level cache while all panels of the weights pass. */
const BLOCK = 96;

/**
 * c[p, j] = bias[j] + sum over runs r and their elements k of a[p + r * runStride + k] * b[r, k, j]: a convolution over an image
 * that is padded already (a run is a row of the filter's window), or, with one run, a matrix product.
 *
 * All strides are in bytes. Positions are images x rows x cols; `aImage`, `aRow`, `aCol` are the steps of their windows, `cImage`,
 * `cRow`, `cCol` those of the results, of which the `n` channels are adjacent.
 *
 * @param b panels of eight columns, each led by its eight biases, see `packPanels`
 * @param table scratch of BLOCK * 8 bytes
 */
export function convolve(
  a: usize,
  aImage: usize,
  aRow: usize,
  aCol: usize,
  runs: i32,
  runBytes: usize,
  runStride: usize,
  b: usize,
  n: i32,
  c: usize,
  cImage: usize,
  cRow: usize,
  cCol: usize,
  images: i32,
  rows: i32,
  cols: i32,
  table: usize,
): void {
  const panelBytes: usize = 32 * (1 + <usize>runs * (runBytes >> 2));
  const total = images * rows * cols;
  let image = 0,
    row = 0,
    col = 0;
  for (let first = 0; first < total; first += BLOCK) {
    const count = min(BLOCK, total - first);
    const tiles = (count + 3) / 4;
    let from: usize = 0,
      to: usize = 0;
    for (let i = 0; i < tiles * 4; i++) {
      // The last position fills up the last tile: it is written again with the same values.
      if (i < count) {
        from = a + <usize>image * aImage + <usize>row * aRow + <usize>col * aCol;
        to = c + <usize>image * cImage + <usize>row * cRow + <usize>col * cCol;
        if (++col === cols) {
          col = 0;
          if (++row === rows) {
            row = 0;
            image++;
          }
        }
      }
      const at = table + <usize>(i >> 2) * 32 + <usize>(i & 3) * 4;
      store<usize>(at, from);
      store<usize>(at, to, 16);
    }
    let panel = b;
    for (let j = 0; j < n; j += 8, panel += panelBytes) {
      for (let t = 0; t < tiles; t++) tile(table + <usize>t * 32, panel, runs, runBytes, runStride, <usize>j * 4, n - j);
    }
  }
}

/**
 * Computes four positions by eight columns, as many as fit the sixteen registers. The inner loop is not unrolled, because V8's compiler
 * moves all loads of a loop's body to its start, where more of them would not fit.
 */
function tile(table: usize, panel: usize, runs: i32, runBytes: usize, runStride: usize, shift: usize, left: i32): void {
  let a0 = load<usize>(table),
    a1 = load<usize>(table, 4),
    a2 = load<usize>(table, 8),
    a3 = load<usize>(table, 12);
  let c00 = v128.load(panel),
    c01 = v128.load(panel, 16);
  let c10 = c00,
    c11 = c01,
    c20 = c00,
    c21 = c01,
    c30 = c00,
    c31 = c01;
  const skip = runStride - runBytes;
  let b = panel + 32;
  for (let r = 0; r < runs; r++) {
    const end = b + (runBytes << 3);
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
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      b += 32;
    }
    a0 += skip;
    a1 += skip;
    a2 += skip;
    a3 += skip;
  }
  storeEight(load<usize>(table, 16) + shift, c00, c01, left);
  storeEight(load<usize>(table, 20) + shift, c10, c11, left);
  storeEight(load<usize>(table, 24) + shift, c20, c21, left);
  storeEight(load<usize>(table, 28) + shift, c30, c31, left);
}

/** Stores the first `left` of eight values, or all eight. */
function storeEight(to: usize, low: v128, high: v128, left: i32): void {
  if (left >= 8) {
    v128.store(to, low);
    v128.store(to, high, 16);
  } else storeSome(to, low, high, left);
}

function storeSome(to: usize, low: v128, high: v128, left: i32): void {
  v128.store32_lane(to, low, 0);
  if (left > 1) v128.store32_lane(to, low, 1, 4);
  if (left > 2) v128.store32_lane(to, low, 2, 8);
  if (left > 3) v128.store32_lane(to, low, 3, 12);
  if (left > 4) v128.store32_lane(to, high, 0, 16);
  if (left > 5) v128.store32_lane(to, high, 1, 20);
  if (left > 6) v128.store32_lane(to, high, 2, 24);
}
