import { CONVOLVE_TABLE_FLOATS } from '../../../shared/kernels/geometry.ts';
import { type BackendWasm, floatsAt, loopsOf, withScratch } from './heap.ts';

/** A matrix on the heap, its steps in bytes. */
type Matrix = Record<'address' | 'rowStep' | 'colStep' | 'rows', number>;

/** Steps in bytes between neighbouring images, rows and columns. */
type Steps = Record<'image' | 'row' | 'col', number>;

/** The windows of a convolution over images that are padded already; a matrix is one image of one row, its rows the columns. */
export interface Windows {
  /** Address of the first window. */
  address: number;
  steps: Steps;
  images: number;
  rows: number;
  cols: number;
  /** A window is so many runs, each of so many adjacent floats, `runStep` bytes apart. */
  runs: number;
  runLength: number;
  runStep: number;
}

/**
 * Writes weights as the products read them: panels of eight columns, each led by its biases, or zeros without.
 *
 * @param to address of `floats` floats
 */
function packWeights(backend: BackendWasm, weights: Matrix[], n: number, bias: number | undefined, to: number, floats: number): void {
  const rows = weights.reduce((sum, matrix) => sum + matrix.rows, 0);
  const panelFloats = 8 * (1 + rows);
  let at = bias === undefined ? 1 : 0;
  if (bias === undefined) {
    const all = floatsAt(backend, to, floats);
    for (let first = 0; first < floats; first += panelFloats) all.fill(0, first, first + 8);
  }
  for (const matrix of [...(bias === undefined ? [] : [{ address: bias, rowStep: 0, colStep: 4, rows: 1 }]), ...weights]) {
    const { address, rowStep, colStep } = matrix;
    loopsOf(backend).packPanels(address, rowStep, colStep, matrix.rows, n, 8, to + 32 * at, 4 * panelFloats);
    at += matrix.rows;
  }
}

/**
 * result[p, j] = bias[j] + sum over the window p of window[p, k] * weights[k, j].
 *
 * @param weights matrices that lie below each other, together runs * runLength rows of `n` columns
 * @param bias address of `n` floats, or undefined for none
 * @param result address of the first position's first column; columns are adjacent
 */
export function windowProduct(
  backend: BackendWasm,
  windows: Windows,
  weights: Matrix[],
  n: number,
  bias: number | undefined,
  result: { address: number; steps: Steps },
): void {
  const { address, steps, images, rows, cols, runs, runLength, runStep } = windows;
  const packed = Math.ceil(n / 8) * 8 * (1 + runs * runLength);
  withScratch(backend, { table: CONVOLVE_TABLE_FLOATS, panels: packed }, ({ table, panels }) => {
    packWeights(backend, weights, n, bias, panels, packed);
    const from = [address, steps.image, steps.row, steps.col, runs, 4 * runLength, runStep, panels, n];
    const to = [result.address, result.steps.image, result.steps.row, result.steps.col, images, rows, cols];
    loopsOf(backend).convolve(...from, ...to, table);
  });
}

/** Gradients that are worked on at once, in floats: with so many the sums of a tile stay in registers for long enough. */
const BLOCK_FLOATS = 16384;

/**
 * sums[k, j] = sum over positions p of window[p, k] * gradients[p, j].
 *
 * @param gradients address of [images, rows, cols, n]
 * @param sums address of [runs * runLength, n], written
 */
export function windowGradients(backend: BackendWasm, windows: Windows, gradients: number, n: number, sums: number): void {
  const loops = loopsOf(backend);
  const { address, steps, images, rows, cols, runs, runLength, runStep } = windows;
  const panels = Math.ceil(n / 8);
  const taps = runs * runLength;
  const padded = 4 * Math.ceil(taps / 4);
  const positions = Math.max(cols, Math.floor(BLOCK_FLOATS / (8 * panels)));
  const rowsAtOnce = Math.min(rows, Math.floor(positions / cols));
  const imagesAtOnce = rowsAtOnce < rows ? 1 : Math.min(images, Math.floor(positions / (rows * cols)));
  const rooms = { panelSums: 8 * panels * padded, offsets: padded, block: 8 * panels * imagesAtOnce * rowsAtOnce * cols };
  withScratch(backend, rooms, ({ panelSums, offsets, block }) => {
    floatsAt(backend, panelSums, rooms.panelSums).fill(0);
    // The table of offsets, in bytes, that the loop `correlate` reads.
    const table = new Int32Array(floatsAt(backend, offsets, padded).buffer, offsets, padded);
    for (let k = 0; k < padded; k++) {
      const tap = Math.min(k, taps - 1);
      table[k] = Math.floor(tap / runLength) * runStep + 4 * (tap % runLength);
    }
    for (let image = 0; image < images; image += imagesAtOnce) {
      const nowImages = Math.min(imagesAtOnce, images - image);
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const nowRows = Math.min(rowsAtOnce, rows - row);
        const count = nowImages * nowRows * cols;
        loops.packPanels(gradients + 4 * n * (image * rows + row) * cols, 4 * n, 4, count, n, 8, block, 32 * count);
        const from = [address + image * steps.image + row * steps.row, steps.image, steps.row, steps.col];
        loops.correlate(...from, offsets, padded, block, panels, nowImages, nowRows, cols, panelSums);
      }
    }
    loops.unpackPanels(panelSums, 32 * padded, 8, taps, n, sums);
  });
}
