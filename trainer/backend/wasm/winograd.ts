import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CONVOLVE_TABLE_FLOATS } from '../../../shared/kernels/geometry.ts';
import { addressOf, allocate, type BackendWasm, floatsAt, loopsOf, withRooms } from './heap.ts';
import { packedFloats, packWeights, writeOffsets } from './product.ts';
import { type Geometry, type PaddedImages, placeOf, withPadded } from './windows.ts';

/*
 * Convolutions of 4x4 with stride 2 (the strided models' own) by nine products for sixteen, after Winograd's F(2x2, 2x2):
 * shared/kernels/assembly/winograd.ts has the formulas. The results differ from the plain way's by rounding only.
 */

/** Says whether a convolution can be computed this way, and has enough channels to pay for the transforms. */
export function fitsWinograd(g: Geometry): boolean {
  const window = g.filterHeight === 4 && g.filterWidth === 4 && g.strideHeight === 2 && g.strideWidth === 2;
  const even = g.outHeight % 2 === 0 && g.outWidth % 2 === 0;
  const wide = [g.inChannels, g.outChannels].every((channels) => channels >= 16 && channels % 4 === 0);
  return window && even && wide;
}

const PARTS = 9;
/** Floats of all parts of the tiles that are worked on at once: they stay in the second cache. */
const BLOCK_FLOATS = 131_072;

/** y = x * filter + bias */
export function winogradConvolution(
  backend: BackendWasm,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo | undefined,
  g: Geometry,
): TensorInfo {
  const loops = loopsOf(backend);
  const y = allocate(backend, g.outShape);
  const { inChannels: cin, outChannels: cout } = g;
  const blocks = blocksOf(g);
  const packed = packedFloats(4 * cin, cout);
  const rooms = { table: CONVOLVE_TABLE_FLOATS, inputs: blocks.floats(4 * cin), outputs: blocks.floats(cout), weights: PARTS * packed };
  withPadded(backend, x, placeOf(g), (images) =>
    withRooms(backend, rooms, ({ table, inputs, outputs, weights }) => {
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
        for (const row of rows) inputRow(backend, images, g, row, inputs, inputStep);
        for (let part = 0; part < PARTS; part++) {
          const from = [inputs + part * inputStep, 0, 0, 16 * cin, 1, 16 * cin, 0, weights + 4 * part * packed, cout];
          loops.convolve(...from, outputs + part * outputStep, 0, 0, 4 * cout, 1, 1, tiles, table);
        }
        for (const { image, row, at } of rows) {
          const to = addressOf(backend, y) + 4 * cout * g.outWidth * (image * g.outHeight + 2 * row);
          loops.outputTiles(outputs + 4 * at * cout, outputStep, cout, blocks.width, to, 4 * cout * g.outWidth);
        }
      });
    }),
  );
  return y;
}

/** Returns the filter's gradient, [4, 4, cin, cout]. */
export function winogradFilterGradient(backend: BackendWasm, x: TensorInfo, dy: TensorInfo, g: Geometry): TensorInfo {
  const loops = loopsOf(backend);
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
      writeOffsets(backend, offsets, 4 * cin, (i) => 4 * i);
      floatsAt(backend, sums, PARTS * sumFloats).fill(0);
      blocks.each((rows, tiles) => {
        const [inputStep, gradientStep] = [16 * tiles * cin, 4 * tiles * cout];
        for (const row of rows) {
          inputRow(backend, images, g, row, inputs, inputStep);
          gradientRow(backend, dy, g, row, gradients, gradientStep);
        }
        for (let part = 0; part < PARTS; part++) {
          loops.packPanels(gradients + part * gradientStep, 4 * cout, 4, tiles, cout, 8, packed, 32 * tiles);
          const from = [inputs + part * inputStep, 0, 0, 16 * cin, offsets, 4 * cin];
          loops.correlate(...from, packed, panels, 1, 1, tiles, sums + 4 * part * sumFloats);
        }
      });
      for (let part = 0; part < PARTS; part++) {
        loops.unpackPanels(sums + 4 * part * sumFloats, 128 * cin, 8, 4 * cin, cout, parts + 16 * part * cin * cout);
      }
      loops.filterGradient(parts, cin, cout, addressOf(backend, result));
    }),
  );
  return result;
}

/** Returns the input's gradient, which is also the forward pass of a transposed convolution. */
export function winogradInputGradient(backend: BackendWasm, dy: TensorInfo, filter: TensorInfo, g: Geometry): TensorInfo {
  const loops = loopsOf(backend);
  const { inChannels: cin, outChannels: cout } = g;
  const dx = allocate(backend, g.inShape);
  const { top, left, height, width } = placeOf(g);
  const blocks = blocksOf(g);
  const packed = packedFloats(cout, 4 * cin);
  const rowStep = 4 * width * cin;
  const rooms = {
    table: CONVOLVE_TABLE_FLOATS,
    inputs: blocks.floats(4 * cin),
    gradients: blocks.floats(cout),
    weights: PARTS * packed,
    padded: g.batchSize * height * width * cin,
  };
  withRooms(backend, rooms, ({ table, inputs, gradients, weights, padded }) => {
    withFilterParts(backend, filter, g, (parts) => {
      for (let part = 0; part < PARTS; part++) {
        const turned = { address: parts + 16 * part * cin * cout, rowStep: 4, colStep: 4 * cout, rows: cout };
        packWeights(backend, [turned], 4 * cin, undefined, weights + 4 * part * packed);
      }
    });
    floatsAt(backend, padded, rooms.padded).fill(0);
    blocks.each((rows, tiles) => {
      const [inputStep, gradientStep] = [16 * tiles * cin, 4 * tiles * cout];
      for (const row of rows) gradientRow(backend, dy, g, row, gradients, gradientStep);
      for (let part = 0; part < PARTS; part++) {
        const from = [gradients + part * gradientStep, 0, 0, 4 * cout, 1, 4 * cout, 0, weights + 4 * part * packed, 4 * cin];
        loops.convolve(...from, inputs + part * inputStep, 0, 0, 16 * cin, 1, 1, tiles, table);
      }
      for (const { image, row, at } of rows) {
        const to = padded + image * height * rowStep + 4 * row * rowStep;
        loops.addInputGradients(inputs + 16 * at * cin, inputStep, cin, blocks.width, to, rowStep);
      }
    });
    const inRow = 4 * g.inWidth * cin;
    loops.padImages(padded, g.batchSize, height, rowStep, addressOf(backend, dx), g.inHeight, inRow, -top, -4 * left * cin);
  });
  return dx;
}

/** A row of tiles; `at` is the number of its first tile within the block. */
interface TileRow {
  image: number;
  row: number;
  at: number;
}

/** Cuts the tiles into blocks of whole rows, which are worked on at once. */
function blocksOf(g: Geometry) {
  const width = g.outWidth / 2;
  const height = g.outHeight / 2;
  const all = g.batchSize * height;
  const wanted = Math.max(32, Math.floor(BLOCK_FLOATS / (PARTS * (4 * g.inChannels + g.outChannels))));
  const rowsAtOnce = Math.min(all, Math.max(1, Math.floor(wanted / width)));
  const most = rowsAtOnce * width;
  return {
    /** Tiles in a row. */
    width,
    /** Tiles of a block, at most. */
    most,
    /** Floats of all parts of a block's tiles. */
    floats: (channels: number) => PARTS * most * channels,
    each: (work: (rows: TileRow[], tiles: number) => void) => {
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
function withFilterParts(backend: BackendWasm, filter: TensorInfo, g: Geometry, work: (parts: number) => void): void {
  withRooms(backend, { parts: PARTS * 4 * g.inChannels * g.outChannels }, ({ parts }) => {
    loopsOf(backend).filterParts(addressOf(backend, filter), g.inChannels, g.outChannels, parts);
    work(parts);
  });
}

/** Writes the parts of a row of tiles of the input. */
function inputRow(backend: BackendWasm, images: PaddedImages, g: Geometry, { image, row, at }: TileRow, to: number, step: number): void {
  const from = images.address + image * images.imageStep + 4 * row * images.rowStep;
  loopsOf(backend).inputTiles(from, images.rowStep, g.inChannels, g.outWidth / 2, to + 16 * at * g.inChannels, step);
}

/** Writes the parts of a row of tiles of the results' gradient. */
function gradientRow(backend: BackendWasm, dy: TensorInfo, g: Geometry, { image, row, at }: TileRow, to: number, step: number): void {
  const rowStep = 4 * g.outWidth * g.outChannels;
  const from = addressOf(backend, dy) + rowStep * (image * g.outHeight + 2 * row);
  loopsOf(backend).gradientTiles(from, rowStep, g.outChannels, g.outWidth / 2, to + 4 * at * g.outChannels, step);
}
