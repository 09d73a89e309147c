/**
 * Copies images into larger ones, with zeros around; what would lie outside the larger image is left out.
 *
 * @param from [images, height, rowBytes]
 * @param to [images, outHeight, outRowBytes]
 * @param top rows of zeros above, `leftBytes` of them at the left
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
  const copied = min(rowBytes, outRowBytes - leftBytes);
  const right = outRowBytes - leftBytes - copied;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++, to += outRowBytes) {
      const source = row - top;
      if (source < 0 || source >= height) memory.fill(to, 0, outRowBytes);
      else {
        if (leftBytes > 0) memory.fill(to, 0, leftBytes);
        memory.copy(to + leftBytes, from + <usize>(image * height + source) * rowBytes, copied);
        if (right > 0) memory.fill(to + leftBytes + copied, 0, right);
      }
    }
  }
}
