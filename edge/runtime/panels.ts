import type { Heap } from './heap.ts';

/**
 * Weights as the kernels read them: panels of eight columns, each led by its columns' biases, then row by row; what is left of the
 * last panel is zeros.
 *
 * @returns their address
 */
export function packPanels(
  heap: Heap,
  rows: number,
  columns: number,
  weight: (row: number, column: number) => number,
  bias: (column: number) => number,
): number {
  const floats = 8 * Math.ceil(columns / 8) * (rows + 1);
  const address = heap.allocate(floats);
  const into = heap.floats(address, floats);
  for (let column = 0; column < columns; column++) {
    const start = (column - (column % 8)) * (rows + 1) + (column % 8);
    into[start] = bias(column);
    for (let row = 0; row < rows; row++) into[start + 8 * (row + 1)] = weight(row, column);
  }
  return address;
}
