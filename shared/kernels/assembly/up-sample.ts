/**
 * Each pixel `vertical` x `horizontal` times.
 *
 * @param x [rows, width, channels], `rows` those of all images
 * @param y [rows * vertical, width * horizontal, channels]
 */
export function upSample(x: usize, y: usize, rows: i32, width: i32, channels: i32, vertical: i32, horizontal: i32): void {
  const pixel = <usize>channels * 4;
  const rowBytes = <usize>width * <usize>horizontal * pixel;
  for (let row = 0; row < rows; row++) {
    const first = y;
    for (let col = 0; col < width; col++, x += pixel) {
      for (let i = 0; i < horizontal; i++, y += pixel) copyPixel(y, x, pixel);
    }
    for (let i = 1; i < vertical; i++, y += rowBytes) memory.copy(y, first, rowBytes);
  }
}

function copyPixel(to: usize, from: usize, bytes: usize): void {
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) v128.store(to + c, v128.load(from + c));
  for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(from + c));
}

/** The gradient of it: dx[pixel] = the sum of dy over the pixel's copies. */
export function upSampleGradient(dy: usize, dx: usize, rows: i32, width: i32, channels: i32, vertical: i32, horizontal: i32): void {
  const pixel = <usize>channels * 4;
  const rowBytes = <usize>width * <usize>horizontal * pixel;
  for (let row = 0; row < rows; row++, dy += rowBytes * <usize>vertical) {
    let from = dy;
    for (let col = 0; col < width; col++, from += <usize>horizontal * pixel, dx += pixel) {
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        let sum = f32x4.splat(0);
        for (let v: usize = 0; v < <usize>vertical; v++) {
          for (let h: usize = 0; h < <usize>horizontal; h++) sum = f32x4.add(sum, v128.load(from + v * rowBytes + h * pixel + c));
        }
        v128.store(dx + c, sum);
      }
      for (; c < pixel; c += 4) {
        let sum: f32 = 0;
        for (let v: usize = 0; v < <usize>vertical; v++) {
          for (let h: usize = 0; h < <usize>horizontal; h++) sum += load<f32>(from + v * rowBytes + h * pixel + c);
        }
        store<f32>(dx + c, sum);
      }
    }
  }
}
