/*
 * Operations on two vectors, to[i] = x[i] op y[i]. `xStep` and `yStep` are 16 bytes, or 0 for a constant of which four copies stand at the
 * address. Memory is read and written up to the next multiple of sixteen bytes.
 */

export function add(x: usize, xStep: usize, y: usize, yStep: usize, to: usize, count: i32): void {
  const end = to + ((<usize>count) << 2);
  for (; to < end; x += xStep, y += yStep, to += 16) v128.store(to, f32x4.add(v128.load(x), v128.load(y)));
}

export function subtract(x: usize, xStep: usize, y: usize, yStep: usize, to: usize, count: i32): void {
  const end = to + ((<usize>count) << 2);
  for (; to < end; x += xStep, y += yStep, to += 16) v128.store(to, f32x4.sub(v128.load(x), v128.load(y)));
}

export function multiply(x: usize, xStep: usize, y: usize, yStep: usize, to: usize, count: i32): void {
  const end = to + ((<usize>count) << 2);
  for (; to < end; x += xStep, y += yStep, to += 16) v128.store(to, f32x4.mul(v128.load(x), v128.load(y)));
}

/** Computes the larger of each pair, NaN where one is NaN. */
export function maximum(x: usize, xStep: usize, y: usize, yStep: usize, to: usize, count: i32): void {
  const end = to + ((<usize>count) << 2);
  for (; to < end; x += xStep, y += yStep, to += 16) v128.store(to, f32x4.max(v128.load(x), v128.load(y)));
}

/** Computes the smaller of each pair, NaN where one is NaN. */
export function minimum(x: usize, xStep: usize, y: usize, yStep: usize, to: usize, count: i32): void {
  const end = to + ((<usize>count) << 2);
  for (; to < end; x += xStep, y += yStep, to += 16) v128.store(to, f32x4.min(v128.load(x), v128.load(y)));
}
