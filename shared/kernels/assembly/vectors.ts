/**
 * Makes a step of Adam in place, and updates the running average of the values; each vector has `count` floats.
 *
 * @param average 0 if there is none
 * @param rate as `epsilon`, includes the correction of the moments' bias
 */
export function adamStep(
  values: usize,
  first: usize,
  second: usize,
  average: usize,
  gradient: usize,
  count: i32,
  rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  decay: f32,
): void {
  const averaged = average !== 0;
  const bytes = <usize>count * 4;
  const whole = bytes & ~15;
  const keep1 = f32x4.splat(beta1);
  const add1 = f32x4.splat(1 - beta1);
  const keep2 = f32x4.splat(beta2);
  const add2 = f32x4.splat(1 - beta2);
  const keepAverage = f32x4.splat(decay);
  const addAverage = f32x4.splat(1 - decay);
  for (let at: usize = 0; at < whole; at += 16) {
    const g = v128.load(gradient + at);
    const m = f32x4.add(f32x4.mul(keep1, v128.load(first + at)), f32x4.mul(add1, g));
    const v = f32x4.add(f32x4.mul(keep2, v128.load(second + at)), f32x4.mul(add2, f32x4.mul(g, g)));
    const step = f32x4.div(f32x4.mul(f32x4.splat(rate), m), f32x4.add(f32x4.sqrt(v), f32x4.splat(epsilon)));
    const value = f32x4.sub(v128.load(values + at), step);
    v128.store(first + at, m);
    v128.store(second + at, v);
    v128.store(values + at, value);
    if (averaged) v128.store(average + at, f32x4.add(f32x4.mul(keepAverage, v128.load(average + at)), f32x4.mul(addAverage, value)));
  }
  for (let at = whole; at < bytes; at += 4) {
    const g = load<f32>(gradient + at);
    const m = beta1 * load<f32>(first + at) + (1 - beta1) * g;
    const v = beta2 * load<f32>(second + at) + (1 - beta2) * (g * g);
    const value = load<f32>(values + at) - (rate * m) / (sqrt<f32>(v) + epsilon);
    store<f32>(first + at, m);
    store<f32>(second + at, v);
    store<f32>(values + at, value);
    if (averaged) store<f32>(average + at, decay * load<f32>(average + at) + (1 - decay) * value);
  }
}

/** Writes dx = dy where x > 0, else 0; `count` floats. */
export function reluGradient(dy: usize, x: usize, dx: usize, count: i32): void {
  const zero = f32x4.splat(0);
  let bytes = <usize>count * 4;
  for (; bytes >= 16; bytes -= 16, dy += 16, x += 16, dx += 16) {
    v128.store(dx, v128.and(v128.load(dy), f32x4.gt(v128.load(x), zero)));
  }
  for (; bytes > 0; bytes -= 4, dy += 4, x += 4, dx += 4) store<f32>(dx, load<f32>(x) > 0 ? load<f32>(dy) : 0);
}

/**
 * Writes sums[j] = sum over rows of x[row, j]: the gradient of a bias. Four rows are taken as one of four times the length, so that any
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
