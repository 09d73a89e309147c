import { CONVOLVE_TABLE_FLOATS } from '../../../shared/kernels/geometry.ts';
import { type Matrix, packedFloats, packWeights, panelWidth } from '../packed-weights.ts';
import { simdOf } from '../simd.ts';
import { type BackendWasm, floatsAt, withRoom } from './heap.ts';

/** Steps in bytes between neighbouring images, rows and columns. */
export interface Steps {
  image: number;
  row: number;
  col: number;
}

/** The windows of a convolution over images that are padded already; a matrix is one image of one row, its rows the columns. */
export interface Windows {
  /** where the first window begins */
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
  const simd = simdOf(backend);
  const { address, steps, images, rows, cols, runs, runLength, runStep } = windows;
  withRoom(backend, packedFloats(runs * runLength, n) + CONVOLVE_TABLE_FLOATS, (room) => {
    const panels = room + 4 * CONVOLVE_TABLE_FLOATS;
    packWeights(backend, weights, n, bias, panels);
    const from = [address, steps.image, steps.row, steps.col, runs, 4 * runLength, runStep, panels, n];
    const to = [result.address, result.steps.image, result.steps.row, result.steps.col, images, rows, cols];
    if (panelWidth(n) === 1) simd.convolveThin(...from, ...to);
    else simd.convolve(...from, ...to, room);
  });
}

/** Positions whose gradients are worked on at once: with them the sums of a tile stay in registers for long enough. */
const BLOCK_FLOATS = 16384;

/**
 * sums[k, j] = sum over positions p of window[p, k] * gradients[p, j].
 *
 * @param gradients address of [images, rows, cols, n]
 * @param sums address of [runs * runLength, n], written
 */
export function windowGradients(backend: BackendWasm, windows: Windows, gradients: number, n: number, sums: number): void {
  if (panelWidth(n) === 1) thinGradients(backend, windows, gradients, n, sums);
  else wideGradients(backend, windows, gradients, n, sums);
}

function wideGradients(backend: BackendWasm, windows: Windows, gradients: number, n: number, sums: number): void {
  const simd = simdOf(backend);
  const { address, steps, images, rows, cols, runs, runLength, runStep } = windows;
  const panels = Math.ceil(n / 8);
  const taps = runs * runLength;
  const padded = 4 * Math.ceil(taps / 4);
  const positions = Math.max(cols, Math.floor(BLOCK_FLOATS / (8 * panels)));
  const rowsAtOnce = Math.min(rows, Math.floor(positions / cols));
  const imagesAtOnce = rowsAtOnce < rows ? 1 : Math.min(images, Math.floor(positions / (rows * cols)));
  const sumFloats = 8 * panels * padded;
  const blockFloats = 8 * panels * imagesAtOnce * rowsAtOnce * cols;
  withRoom(backend, sumFloats + padded + blockFloats, (room) => {
    const offsets = room + 4 * sumFloats;
    const block = offsets + 4 * padded;
    floatsAt(backend, room, sumFloats).fill(0);
    const table = new Int32Array(floatsAt(backend, offsets, padded).buffer, offsets, padded);
    table.forEach((_, k) => {
      const tap = Math.min(k, taps - 1);
      table[k] = Math.floor(tap / runLength) * runStep + 4 * (tap % runLength);
    });
    for (let image = 0; image < images; image += imagesAtOnce) {
      const nowImages = Math.min(imagesAtOnce, images - image);
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const nowRows = Math.min(rowsAtOnce, rows - row);
        const count = nowImages * nowRows * cols;
        simd.packPanels(gradients + 4 * n * (image * rows + row) * cols, 4 * n, 4, count, n, 8, block, 32 * count);
        const from = address + image * steps.image + row * steps.row;
        simd.correlate(...[from, steps.image, steps.row, steps.col, offsets, padded, block, panels], ...[nowImages, nowRows, cols, room]);
      }
    }
    simd.unpackPanels(room, 32 * padded, 8, taps, n, sums);
  });
}

function thinGradients(backend: BackendWasm, windows: Windows, gradients: number, n: number, sums: number): void {
  const simd = simdOf(backend);
  const { address, steps, images, rows, cols, runs, runLength, runStep } = windows;
  const taps = runs * runLength;
  withRoom(backend, n * taps, (room) => {
    floatsAt(backend, room, n * taps).fill(0);
    for (let image = 0; image < images; image++) {
      const from = address + image * steps.image;
      const dy = gradients + 4 * n * image * rows * cols;
      simd.correlateThin(from, steps.image, steps.row, steps.col, runs, 4 * runLength, runStep, dy, n, 1, rows, cols, room);
    }
    simd.unpackPanels(room, 4 * taps, 1, taps, n, sums);
  });
}
