import type { Heap } from './heap.ts';

/** A matrix within a weight tensor: the value of a row and a column is `values[offset of the row + column * columnStep]`. */
export interface Weights {
  values: Float32Array;
  rowOffsets: number[];
  columnStep: number;
  columns: number;
}

/**
 * Weights as the kernels read them: panels of eight columns, each led by its columns' biases, then row by row; what is left of the
 * last panel is zeros.
 *
 * @returns their address
 */
export function packPanels(heap: Heap, { values, rowOffsets, columnStep, columns }: Weights, bias: Float32Array | undefined): number {
  const floats = 8 * Math.ceil(columns / 8) * (rowOffsets.length + 1);
  const address = heap.allocate(floats);
  const into = heap.floats(address, floats);
  const offsets = Int32Array.from(rowOffsets);
  let at = 0;
  for (let first = 0; first < columns; first += 8) {
    const width = Math.min(8, columns - first);
    if (bias) into.set(bias.subarray(first, first + width), at);
    at += 8;
    // Plain indices: a cold start goes through every weight here.
    for (let row = 0; row < offsets.length; row++, at += 8) {
      const from = (offsets[row] as number) + first * columnStep;
      for (let j = 0; j < width; j++) into[at + j] = values[from + j * columnStep] as number;
    }
  }
  return address;
}
