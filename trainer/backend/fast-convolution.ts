import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CONVOLVE_TABLE_FLOATS } from '../../shared/kernels/geometry.ts';
import { blocksOf, PARTS, withFilterParts } from './fast-blocks.ts';
import { packedFloats, packWeights } from './packed-weights.ts';
import { simdOf } from './simd.ts';
import { addressOf, allocate, type BackendWasm, withRooms } from './wasm/heap.ts';
import { type Geometry, placeOf, withPadded } from './wasm/windows.ts';

/** y = x * filter + bias */
export function fastConvolution(
  backend: BackendWasm,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo | undefined,
  g: Geometry,
): TensorInfo {
  const simd = simdOf(backend);
  const y = allocate(backend, g.outShape);
  const { inChannels: cin, outChannels: cout } = g;
  const blocks = blocksOf(g);
  const packed = packedFloats(4 * cin, cout);
  withPadded(backend, x, placeOf(g), (images) =>
    withRooms(
      backend,
      { table: CONVOLVE_TABLE_FLOATS, inputs: blocks.floats(4 * cin), outputs: blocks.floats(cout), weights: PARTS * packed },
      ({ table, inputs, outputs, weights }) => {
        withFilterParts(backend, filter, g, (parts) => {
          for (let part = 0; part < PARTS; part++) {
            const matrix = { address: parts + 16 * part * cin * cout, rowStep: 4 * cout, colStep: 4, rows: 4 * cin };
            // The part in the middle goes into all four results of a tile once.
            const added = part === 4 && bias ? addressOf(backend, bias) : undefined;
            packWeights(backend, [matrix], cout, added, weights + 4 * part * packed);
          }
        });
        blocks.each((rows, tiles) => {
          const [inputStep, outputStep] = [16 * tiles * cin, 4 * tiles * cout];
          for (const { image, row, at } of rows) {
            const from = images.address + image * images.imageStep + 4 * row * images.rowStep;
            simd.inputTiles(from, images.rowStep, cin, blocks.width, inputs + 16 * at * cin, inputStep);
          }
          for (let part = 0; part < PARTS; part++) {
            const from = [inputs + part * inputStep, 0, 0, 16 * cin, 1, 16 * cin, 0, weights + 4 * part * packed, cout];
            simd.convolve(...from, outputs + part * outputStep, 0, 0, 4 * cout, 1, 1, tiles, table);
          }
          for (const { image, row, at } of rows) {
            const to = addressOf(backend, y) + 4 * cout * g.outWidth * (image * g.outHeight + 2 * row);
            simd.outputTiles(outputs + 4 * at * cout, outputStep, cout, blocks.width, to, 4 * cout * g.outWidth);
          }
        });
      },
    ),
  );
  return y;
}
