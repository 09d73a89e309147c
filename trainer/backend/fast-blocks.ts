import type { TensorInfo } from '@tensorflow/tfjs-core';
import { simdOf } from './simd.ts';
import { addressOf, type BackendWasm, withRoom } from './wasm/heap.ts';
import type { Geometry } from './wasm/windows.ts';

/**
 * Convolutions 4x4 of stride 2 (the strided models' own) with nine products for sixteen, by Winograd's F(2x2, 2x2):
 * shared/kernels/assembly/winograd.ts has the formulas. Differences to the plain way are those of rounding.
 */
export function isFast(g: Geometry): boolean {
  const window = g.filterHeight === 4 && g.filterWidth === 4 && g.strideHeight === 2 && g.strideWidth === 2;
  const even = g.outHeight % 2 === 0 && g.outWidth % 2 === 0;
  // Few channels leave too little work for what the transforms cost.
  const wide = [g.inChannels, g.outChannels].every((channels) => channels >= 16 && channels % 4 === 0);
  return window && even && wide;
}

export const PARTS = 9;
/** Floats of all parts of the tiles that are worked on at once: they stay in the second cache. */
const BLOCK_FLOATS = 131_072;

/** Rows of tiles that are worked on at once. */
export function blocksOf(g: Geometry) {
  const width = g.outWidth / 2;
  const height = g.outHeight / 2;
  const all = g.batchSize * height;
  const wanted = Math.max(32, Math.floor(BLOCK_FLOATS / (PARTS * (4 * g.inChannels + g.outChannels))));
  const rowsAtOnce = Math.min(all, Math.max(1, Math.floor(wanted / width)));
  const most = rowsAtOnce * width;
  return {
    width,
    /** tiles of a block, at most */
    most,
    /** of all parts of a block's tiles */
    floats: (channels: number) => PARTS * most * channels,
    /** `at` is the number of a row's first tile within its block */
    each: (work: (rows: { image: number; row: number; at: number }[], tiles: number) => void) => {
      for (let first = 0; first < all; first += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, all - first);
        const rows = Array.from({ length: count }, (_, i) => {
          const index = first + i;
          return { image: Math.floor(index / height), row: index % height, at: i * width };
        });
        work(rows, count * width);
      }
    },
  };
}

/** Runs `work` with the filter's parts, [9, 4 cin, cout]. */
export function withFilterParts(backend: BackendWasm, filter: TensorInfo, g: Geometry, work: (parts: number) => void): void {
  withRoom(backend, PARTS * 4 * g.inChannels * g.outChannels, (parts) => {
    simdOf(backend).filterParts(addressOf(backend, filter), g.inChannels, g.outChannels, parts);
    work(parts);
  });
}
