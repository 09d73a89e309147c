import { multiplyAdd } from './multiply-add';

/**
 * `convolve` for a few columns (the last layer's one or three channels): the four lanes hold neighbouring elements of a run
 * instead of neighbouring columns, and are added at the end.
 *
 * @param b panels of one column, each led by its bias
 */
export function convolveThin(
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
): void {
  const panelBytes: usize = 4 + <usize>runs * runBytes;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      const from = a + <usize>image * aImage + <usize>row * aRow;
      const to = c + <usize>image * cImage + <usize>row * cRow;
      for (let col = 0; col < cols; col += 4) {
        // Where fewer than four positions are left, the last is done again, with the same value.
        const last = cols - 1 - col;
        const p1 = <usize>(col + min(1, last)),
          p2 = <usize>(col + min(2, last)),
          p3 = <usize>(col + min(3, last));
        const p0 = <usize>col;
        let panel = b;
        for (let j = 0; j < n; j++, panel += panelBytes) {
          const sums = fourSums(from + p0 * aCol, from + p1 * aCol, from + p2 * aCol, from + p3 * aCol, panel, runs, runBytes, runStride);
          const at = to + 4 * <usize>j;
          v128.store32_lane(at + p0 * cCol, sums, 0);
          v128.store32_lane(at + p1 * cCol, sums, 1);
          v128.store32_lane(at + p2 * cCol, sums, 2);
          v128.store32_lane(at + p3 * cCol, sums, 3);
        }
      }
    }
  }
}

function fourSums(a0: usize, a1: usize, a2: usize, a3: usize, panel: usize, runs: i32, runBytes: usize, runStride: usize): v128 {
  const whole = runBytes & ~15;
  const skip = runStride - runBytes;
  let b = panel + 4;
  let c0 = f32x4.splat(0),
    c1 = c0,
    c2 = c0,
    c3 = c0,
    rest = c0;
  for (let r = 0; r < runs; r++) {
    let end = b + whole;
    while (b < end) {
      const w = v128.load(b);
      c0 = multiplyAdd(v128.load(a0), w, c0);
      c1 = multiplyAdd(v128.load(a1), w, c1);
      c2 = multiplyAdd(v128.load(a2), w, c2);
      c3 = multiplyAdd(v128.load(a3), w, c3);
      a0 += 16;
      a1 += 16;
      a2 += 16;
      a3 += 16;
      b += 16;
    }
    end += runBytes - whole;
    while (b < end) {
      const s = f32x4(load<f32>(a0), load<f32>(a1), load<f32>(a2), load<f32>(a3));
      rest = multiplyAdd(s, v128.load32_splat(b), rest);
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      b += 4;
    }
    a0 += skip;
    a1 += skip;
    a2 += skip;
    a3 += skip;
  }
  return f32x4.add(f32x4.add(laneSums(c0, c1, c2, c3), rest), v128.load32_splat(panel));
}

/** Adds up the lanes of each of four vectors; the sums are the lanes of the result. */
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}
