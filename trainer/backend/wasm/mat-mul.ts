import { _FusedMatMul, BatchMatMul, broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { addressOf, allocate, type BackendWasm, type Kernel, loopsOf, withScratch } from './heap.ts';
import { type Windows, windowGradients, windowProduct } from './product.ts';
import { applyActivation, type Fused, isKnown } from './vectors.ts';

interface Transposed {
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * Matrix product, each operand transposed or not, where the stock kernel is 10 to 50 times slower; alone, and fused with bias and
 * activation, which tfjs asks for where no gradient is wanted.
 */
const matMul: Kernel<{ a: TensorInfo; b: TensorInfo; bias?: TensorInfo }, Transposed & Partial<Fused>> = (
  backend,
  { a, b, bias },
  { activation = 'linear', leakyreluAlpha, ...transposed },
) => {
  if (!isKnown(activation) || (transposed.transposeA && bias)) return null;
  return applyActivation(backend, product(backend, a, b, transposed, bias), { activation, leakyreluAlpha });
};

export const matMulKernels = { [BatchMatMul]: matMul, [_FusedMatMul]: matMul };

/** a [..., M, K] times b [..., K, N], batches broadcast; no bias where `a` is transposed. */
function product(
  backend: BackendWasm,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposed,
  bias: TensorInfo | undefined,
): TensorInfo {
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [inner, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  util.assert(k === inner, () => `matMul: [${a.shape}] and [${b.shape}] (transposed: ${transposeA}, ${transposeB}) don't fit together`);
  const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [aCount, bCount] = [a, b].map(({ shape }) => util.sizeFromShape(shape.slice(0, -2))) as [number, number];
  const result = allocate(backend, [...outer, m, n]);
  for (let i = 0; i < Math.max(aCount, bCount); i++) {
    const left = addressOf(backend, a) + 4 * (i % aCount) * m * k;
    const right = addressOf(backend, b) + 4 * (i % bCount) * n * k;
    const to = addressOf(backend, result) + 4 * i * m * n;
    if (transposeA) {
      const rows = matrix(left, k, m);
      if (transposeB) withTransposedRight(backend, right, n, k, (turned) => windowGradients(backend, rows, turned, n, to));
      else windowGradients(backend, rows, right, n, to);
    } else {
      const weights = { address: right, rows: k, ...(transposeB ? { rowStep: 4, colStep: 4 * k } : { rowStep: 4 * n, colStep: 4 }) };
      const steps = { image: 0, row: 0, col: 4 * n };
      windowProduct(backend, matrix(left, m, k), [weights], n, bias && addressOf(backend, bias), { address: to, steps });
    }
  }
  return result;
}

/** A matrix of adjacent rows: each is a window. */
function matrix(address: number, rows: number, length: number): Windows {
  return { address, steps: { image: 0, row: 0, col: 4 * length }, images: 1, rows: 1, cols: rows, runs: 1, runLength: length, runStep: 0 };
}

/** Runs `work` with b [n, k] as [k, n]. */
function withTransposedRight(backend: BackendWasm, b: number, n: number, k: number, work: (turned: number) => void): void {
  withScratch(backend, { room: n * k }, ({ room }) => {
    loopsOf(backend).packPanels(b, 4, 4 * k, k, n, n, room, 0);
    work(room);
  });
}
