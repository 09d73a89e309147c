import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CONVOLVE_TABLE_FLOATS } from '../../../shared/kernels/geometry.ts';
import { blocksOf, PARTS, withFilterParts } from '../fast-blocks.ts';
import { packedFloats, packWeights } from '../packed-weights.ts';
import { simdOf } from '../simd.ts';
import { addressOf, allocate, type BackendWasm, floatsAt, withRooms } from './heap.ts';
import { type Geometry, placeOf, withPadded } from './windows.ts';

/** The filter's gradient, [4, 4, cin, cout]. */
export function fastFilterGradient(backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo {
  const simd = simdOf(backend);
  const { inChannels: cin, outChannels: cout } = g;
  const result = allocate(backend, [4, 4, cin, cout]);
  const blocks = blocksOf(g);
  const panels = Math.ceil(cout / 8);
  const sumFloats = 32 * cin * panels;
  const rooms = {
    offsets: 4 * cin,
    inputs: blocks.floats(4 * cin),
    gradients: blocks.floats(cout),
    packed: 8 * panels * blocks.most,
    sums: PARTS * sumFloats,
    parts: PARTS * 4 * cin * cout,
  };
  withPadded(backend, x, placeOf(g), (images) =>
    withRooms(backend, rooms, ({ offsets, inputs, gradients, packed, sums, parts }) => {
      const table = new Int32Array(floatsAt(backend, offsets, 4 * cin).buffer, offsets, 4 * cin);
      table.forEach((_, i) => {
        table[i] = 4 * i;
      });
      floatsAt(backend, sums, PARTS * sumFloats).fill(0);
      blocks.each((rows, tiles) => {
        const [inputStep, gradientStep] = [16 * tiles * cin, 4 * tiles * cout];
        for (const { image, row, at } of rows) {
          const from = images.address + image * images.imageStep + 4 * row * images.rowStep;
          simd.inputTiles(from, images.rowStep, cin, blocks.width, inputs + 16 * at * cin, inputStep);
          gradientRow(backend, dy, g, image, row, gradients + 4 * at * cout, gradientStep);
        }
        for (let part = 0; part < PARTS; part++) {
          simd.packPanels(gradients + part * gradientStep, 4 * cout, 4, tiles, cout, 8, packed, 32 * tiles);
          const from = [inputs + part * inputStep, 0, 0, 16 * cin, offsets, 4 * cin];
          simd.correlate(...from, packed, panels, 1, 1, tiles, sums + 4 * part * sumFloats);
        }
      });
      for (let part = 0; part < PARTS; part++) {
        simd.unpackPanels(sums + 4 * part * sumFloats, 128 * cin, 8, 4 * cin, cout, parts + 16 * part * cin * cout);
      }
      simd.filterGradient(parts, cin, cout, addressOf(backend, result));
    }),
  );
  return result;
}

/** The input's gradient, and the forward pass of a transposed convolution. */
export function fastInputGradient(backend: BackendWasm, dy: TensorInfo, filter: TensorInfo, g: Geometry): TensorInfo {
  const simd = simdOf(backend);
  const { inChannels: cin, outChannels: cout } = g;
  const dx = allocate(backend, g.inShape);
  const { top, left, height, width } = placeOf(g);
  const blocks = blocksOf(g);
  const packed = packedFloats(cout, 4 * cin);
  const rowStep = 4 * width * cin;
  const paddedFloats = g.batchSize * height * width * cin;
  const rooms = {
    table: CONVOLVE_TABLE_FLOATS,
    inputs: blocks.floats(4 * cin),
    gradients: blocks.floats(cout),
    weights: PARTS * packed,
    padded: paddedFloats,
  };
  withRooms(backend, rooms, ({ table, inputs, gradients, weights, padded }) => {
    withFilterParts(backend, filter, g, (parts) => {
      for (let part = 0; part < PARTS; part++) {
        const turned = { address: parts + 16 * part * cin * cout, rowStep: 4, colStep: 4 * cout, rows: cout };
        packWeights(backend, [turned], 4 * cin, undefined, weights + 4 * part * packed);
      }
    });
    floatsAt(backend, padded, paddedFloats).fill(0);
    blocks.each((rows, tiles) => {
      const [inputStep, gradientStep] = [16 * tiles * cin, 4 * tiles * cout];
      for (const { image, row, at } of rows) gradientRow(backend, dy, g, image, row, gradients + 4 * at * cout, gradientStep);
      for (let part = 0; part < PARTS; part++) {
        const from = [gradients + part * gradientStep, 0, 0, 4 * cout, 1, 4 * cout, 0, weights + 4 * part * packed, 4 * cin];
        simd.convolve(...from, inputs + part * inputStep, 0, 0, 16 * cin, 1, 1, tiles, table);
      }
      for (const { image, row, at } of rows) {
        const to = padded + image * height * rowStep + 4 * row * rowStep;
        simd.addInputGradients(inputs + 16 * at * cin, inputStep, cin, blocks.width, to, rowStep);
      }
    });
    const inRow = 4 * g.inWidth * cin;
    simd.padImages(padded, g.batchSize, height, rowStep, addressOf(backend, dx), g.inHeight, inRow, -top, -4 * left * cin);
  });
  return dx;
}

/** The parts of a row of tiles' gradients. */
function gradientRow(backend: BackendWasm, dy: TensorInfo, g: Geometry, image: number, row: number, to: number, partStep: number): void {
  const rowStep = 4 * g.outWidth * g.outChannels;
  const from = addressOf(backend, dy) + rowStep * (image * g.outHeight + 2 * row);
  simdOf(backend).gradientTiles(from, rowStep, g.outChannels, g.outWidth / 2, to, partStep);
}
