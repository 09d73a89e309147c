/**
 * Writes a matrix into panels of `width` columns, each row of a panel adjacent, so that a product reads it from beginning to end.
 * Columns that are lacking in the last panel become 0.
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

/** The way back, without the columns that were added: `to` is [rows, n]. */
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
