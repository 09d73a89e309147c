import { simdOf } from './simd.ts';
import { type BackendWasm, floatsAt } from './wasm/heap.ts';

/** A matrix on the heap, its steps in bytes. */
export interface Matrix {
  address: number;
  rowStep: number;
  colStep: number;
  rows: number;
}

/** Columns of a panel: fewer than four are not worth panels of eight. */
export function panelWidth(n: number): 1 | 8 {
  return n < 4 ? 1 : 8;
}

/** Room for matrices of `rows` rows together, with `n` columns, and a bias. */
export function packedFloats(rows: number, n: number): number {
  const width = panelWidth(n);
  return Math.ceil(n / width) * width * (1 + rows);
}

/**
 * Writes weights as the products read them: panels of columns, each led by its biases.
 *
 * @param weights matrices that lie below each other
 * @param bias address of `n` floats; undefined for zeros
 * @param to address of `packedFloats` floats
 */
export function packWeights(backend: BackendWasm, weights: Matrix[], n: number, bias: number | undefined, to: number): void {
  const width = panelWidth(n);
  const rows = weights.reduce((sum, matrix) => sum + matrix.rows, 0);
  const panelFloats = width * (1 + rows);
  const add = ({ address, rowStep, colStep, rows }: Matrix, at: number) =>
    simdOf(backend).packPanels(address, rowStep, colStep, rows, n, width, to + 4 * width * at, 4 * panelFloats);
  if (bias !== undefined) add({ address: bias, rowStep: 0, colStep: 4, rows: 1 }, 0);
  else {
    const all = floatsAt(backend, to, packedFloats(rows, n));
    for (let first = 0; first < all.length; first += panelFloats) all.fill(0, first, first + width);
  }
  let at = 1;
  for (const matrix of weights) {
    add(matrix, at);
    at += matrix.rows;
  }
}
