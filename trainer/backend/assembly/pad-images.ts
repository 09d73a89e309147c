/**
 * Copies images into larger ones, with zeros around, or into smaller ones, without what lies outside.
 *
 * @param from [images, height, rowBytes]
 * @param to [images, outHeight, outRowBytes]
 * @param top rows of zeros above, `leftBytes` of them at the left; below 0, so many rows and bytes are left out
 */
export function padImages(
  from: usize,
  images: i32,
  height: i32,
  rowBytes: i32,
  to: usize,
  outHeight: i32,
  outRowBytes: i32,
  top: i32,
  leftBytes: i32,
): void {
  const skipped = max(0, -leftBytes);
  const left = max(0, leftBytes);
  const copied = min(rowBytes - skipped, outRowBytes - left);
  const right = outRowBytes - left - copied;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++, to += outRowBytes) {
      const source = row - top;
      if (source < 0 || source >= height) memory.fill(to, 0, outRowBytes);
      else {
        if (left > 0) memory.fill(to, 0, left);
        memory.copy(to + left, from + <usize>(image * height + source) * rowBytes + skipped, copied);
        if (right > 0) memory.fill(to + left + copied, 0, right);
      }
    }
  }
}
