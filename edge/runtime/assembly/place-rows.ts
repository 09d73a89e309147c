/** Copies images row by row into larger ones, whose border stays as it is. Bytes; `to` the first row's place within the first image. */
export function placeRows(x: usize, images: i32, rows: i32, rowBytes: usize, to: usize, toRow: usize, toImage: usize): void {
  for (let image = 0; image < images; image++, to += toImage) {
    for (let row = 0; row < rows; row++, x += rowBytes) memory.copy(to + <usize>row * toRow, x, rowBytes);
  }
}
