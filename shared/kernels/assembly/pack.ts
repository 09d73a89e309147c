/**
 * Writes a matrix into panels of `width` columns, each row of a panel adjacent, so that a product reads it from beginning to end.
 * The missing columns of the last panel become 0.
 *
 * @param from [rows, n], its steps `rowBytes` and `colBytes`
 * @param to the first panel; the panels are `panelBytes` apart
 */
export function packPanels(
  from: usize,
  rowBytes: usize,
  colBytes: usize,
  rows: i32,
  n: i32,
  width: i32,
  to: usize,
  panelBytes: usize,
): void {
  for (let j = 0; j < n; j += width, to += panelBytes) {
    const source = from + <usize>j * colBytes;
    const count = min(width, n - j);
    if (count === 8 && colBytes === 4) {
      for (let r: usize = 0; r < <usize>rows; r++) {
        v128.store(to + r * 32, v128.load(source + r * rowBytes));
        v128.store(to + r * 32, v128.load(source + r * rowBytes, 16), 16);
      }
      continue;
    }
    for (let r: usize = 0; r < <usize>rows; r++) {
      const row = to + r * <usize>width * 4;
      for (let i: usize = 0; i < <usize>count; i++) store<f32>(row + 4 * i, load<f32>(source + r * rowBytes + i * colBytes));
      for (let i: usize = count; i < <usize>width; i++) store<f32>(row + 4 * i, 0);
    }
  }
}

/** Undoes `packPanels`, without the columns that it added: `to` is [rows, n]. */
export function unpackPanels(from: usize, panelBytes: usize, width: i32, rows: i32, n: i32, to: usize): void {
  for (let j = 0; j < n; j += width, from += panelBytes) {
    const count = min(width, n - j);
    for (let r: usize = 0; r < <usize>rows; r++) {
      const source = from + r * <usize>width * 4;
      const row = to + (r * <usize>n + <usize>j) * 4;
      for (let i: usize = 0; i < <usize>count; i++) store<f32>(row + 4 * i, load<f32>(source + 4 * i));
    }
  }
}

/**
 * Copies images into larger ones, with zeros around, or into smaller ones, without what lies outside.
 *
 * @param from [images, height, rowBytes]
 * @param to [images, outHeight, outRowBytes]
 * @param top rows of zeros above, `leftBytes` bytes of zeros at the left; if negative, so many rows and bytes are left out
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

/** Copies images row by row into larger ones, whose border stays as it is. Steps are in bytes; `to` is where the first row goes. */
export function placeRows(x: usize, images: i32, rows: i32, rowBytes: usize, to: usize, toRow: usize, toImage: usize): void {
  for (let image = 0; image < images; image++, to += toImage) {
    for (let row = 0; row < rows; row++, x += rowBytes) memory.copy(to + <usize>row * toRow, x, rowBytes);
  }
}
