/**
 * sums[j] = sum over rows of x[row, j]: the gradient of a bias. Four rows are taken for one of four times the length, so that any
 * length fills the lanes and each column has four sums, which keeps rounding small.
 *
 * @param x [rows, n]
 * @param quads scratch of 4 n floats
 */
export function sumRows(x: usize, rows: i32, n: i32, quads: usize, sums: usize): void {
  const rowBytes = <usize>n * 4;
  const quadBytes = rowBytes * 4;
  const wholeQuads = <usize>(rows >> 2);
  for (let at: usize = 0; at < quadBytes; at += 16) {
    let sum = f32x4.splat(0);
    let from = x + at;
    for (let q: usize = 0; q < wholeQuads; q++, from += quadBytes) sum = f32x4.add(sum, v128.load(from));
    v128.store(quads + at, sum);
  }
  const rest = x + wholeQuads * quadBytes;
  const end = x + <usize>rows * rowBytes;
  for (let j: usize = 0; j < rowBytes; j += 4) {
    const at = quads + j;
    let sum: f32 = load<f32>(at) + load<f32>(at + rowBytes) + (load<f32>(at + 2 * rowBytes) + load<f32>(at + 3 * rowBytes));
    for (let row = rest; row < end; row += rowBytes) sum += load<f32>(row + j);
    store<f32>(sums + j, sum);
  }
}
