/**
 * Max pooling by windows that do not overlap. A window with a NaN gives NaN.
 *
 * @param x [rows * poolHeight, cols * poolWidth, channels], `rows` those of all images
 * @param y [rows, cols, channels]
 */
export function maxPool(x: usize, y: usize, rows: i32, cols: i32, channels: i32, poolHeight: i32, poolWidth: i32): void {
  const pixel = <usize>channels * 4;
  const row = <usize>cols * <usize>poolWidth * pixel;
  for (let oh = 0; oh < rows; oh++, x += row * <usize>(poolHeight - 1)) {
    for (let ow = 0; ow < cols; ow++, x += <usize>poolWidth * pixel, y += pixel) {
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        let most = f32x4.splat(-Infinity);
        for (let i: usize = 0; i < <usize>poolHeight; i++) {
          for (let j: usize = 0; j < <usize>poolWidth; j++) most = f32x4.max(most, v128.load(x + i * row + j * pixel + c));
        }
        v128.store(y + c, most);
      }
      for (; c < pixel; c += 4) {
        let most: f32 = -Infinity;
        for (let i: usize = 0; i < <usize>poolHeight; i++) {
          for (let j: usize = 0; j < <usize>poolWidth; j++) most = max(most, load<f32>(x + i * row + j * pixel + c));
        }
        store<f32>(y + c, most);
      }
    }
  }
}

/**
 * Adds the gradient of max pooling: a window's goes to its maximum, to the first where several are equal, as in TensorFlow.
 *
 * @param x [images, height, width, channels]; dx likewise, added to
 * @param dy [images, outHeight, outWidth, channels]
 */
export function maxPoolGradient(
  x: usize,
  dy: usize,
  dx: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  poolHeight: i32,
  poolWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): void {
  const pixel = <usize>channels * 4;
  const row = <usize>width * pixel;
  const image = <usize>height * row;
  for (let b = 0; b < images; b++, x += image, dx += image) {
    for (let oh = 0; oh < outHeight; oh++) {
      const fromRow = max(0, oh * strideHeight - top);
      const toRow = min(height, oh * strideHeight - top + poolHeight);
      for (let ow = 0; ow < outWidth; ow++, dy += pixel) {
        const fromCol = max(0, ow * strideWidth - left);
        const toCol = min(width, ow * strideWidth - left + poolWidth);
        let c: usize = 0;
        for (; c + 16 <= pixel; c += 16) {
          let most = f32x4.splat(-Infinity);
          for (let ih = fromRow; ih < toRow; ih++) {
            for (let iw = fromCol; iw < toCol; iw++) most = f32x4.max(most, v128.load(x + <usize>ih * row + <usize>iw * pixel + c));
          }
          let gradient = v128.load(dy + c);
          for (let ih = fromRow; ih < toRow; ih++) {
            for (let iw = fromCol; iw < toCol; iw++) {
              const at = <usize>ih * row + <usize>iw * pixel + c;
              const hit = f32x4.eq(v128.load(x + at), most);
              v128.store(dx + at, f32x4.add(v128.load(dx + at), v128.and(gradient, hit)));
              gradient = v128.andnot(gradient, hit);
            }
          }
        }
        for (; c < pixel; c += 4) {
          let best: usize = 0;
          let most: f32 = -Infinity;
          for (let ih = fromRow; ih < toRow; ih++) {
            for (let iw = fromCol; iw < toCol; iw++) {
              const at = <usize>ih * row + <usize>iw * pixel + c;
              const value = load<f32>(x + at);
              if (value > most || (ih === fromRow && iw === fromCol)) {
                most = value;
                best = at;
              }
            }
          }
          store<f32>(dx + best, load<f32>(dx + best) + load<f32>(dy + c));
        }
      }
    }
  }
}
/**
 * Repeats each pixel `vertical` x `horizontal` times.
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

/** Writes the gradient of `upSample`: dx[pixel] = the sum of dy over the pixel's copies. */
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
