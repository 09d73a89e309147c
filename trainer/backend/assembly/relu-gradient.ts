/** dx = dy where x > 0, else 0; `count` floats. */
export function reluGradient(dy: usize, x: usize, dx: usize, count: i32): void {
  const zero = f32x4.splat(0);
  let bytes = <usize>count * 4;
  for (; bytes >= 16; bytes -= 16, dy += 16, x += 16, dx += 16) {
    v128.store(dx, v128.and(v128.load(dy), f32x4.gt(v128.load(x), zero)));
  }
  for (; bytes > 0; bytes -= 4, dy += 4, x += 4, dx += 4) store<f32>(dx, load<f32>(x) > 0 ? load<f32>(dy) : 0);
}
