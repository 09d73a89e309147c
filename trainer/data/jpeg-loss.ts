import type { Screening } from '../../shared/bundle/screening-schema.ts';

/** A side of a block. */
const SIDE = 8;

/** Quantization tables for quality 50, row by row (ITU T.81, K.1 and K.2). */
const LUMA = [
  ...[16, 11, 10, 16, 24, 40, 51, 61],
  ...[12, 12, 14, 19, 26, 58, 60, 55],
  ...[14, 13, 16, 24, 40, 57, 69, 56],
  ...[14, 17, 22, 29, 51, 87, 80, 62],
  ...[18, 22, 37, 56, 68, 109, 103, 77],
  ...[24, 35, 55, 64, 81, 104, 113, 92],
  ...[49, 64, 78, 87, 103, 121, 120, 101],
  ...[72, 92, 95, 98, 112, 100, 103, 99],
];
const CHROMA = [
  ...[17, 18, 24, 47, 99, 99, 99, 99],
  ...[18, 21, 26, 66, 99, 99, 99, 99],
  ...[24, 26, 56, 99, 99, 99, 99, 99],
  ...[47, 66, 99, 99, 99, 99, 99, 99],
  ...new Array<number>(32).fill(99),
];

/** The basis of the DCT: `BASIS[8 u + x]` is the value of the cosine of frequency u at place x, scaled so that the rows are orthonormal. */
const BASIS = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [u, x] = [Math.floor(i / SIDE), i % SIDE];
  return Math.sqrt((u === 0 ? 1 : 2) / SIDE) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * SIDE));
});

/** The same for the way back: row and column exchanged. */
const INVERSE = BASIS.map((_, i) => BASIS[SIDE * (i % SIDE) + Math.floor(i / SIDE)] as number);

/** Scales a table to a quality of 1 to 100, as libjpeg does. */
function tableAt(table: readonly number[], quality: number): number[] {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return table.map((step) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100))));
}

/**
 * Returns an image with the losses of a JPEG file: YCbCr, chroma at half the sides (4:2:0), blocks of 8 x 8 whose coefficients are rounded
 * to multiples of a step. Entropy coding loses nothing and is left out.
 *
 * @param image [H, W, C] flat in [0, 1]
 * @param quality 1 to 100
 */
export function compressed(image: Float32Array, { height, width, channels }: Screening['input'], quality: number): Float32Array {
  const [luma, chroma] = [tableAt(LUMA, quality), tableAt(CHROMA, quality)];
  const levels = image.map((value) => Math.round(255 * value));
  if (channels === 1) return quantized(levels, width, height, luma).map(unitOf);
  const plane = (red: number, green: number, blue: number, offset: number) =>
    Float32Array.from({ length: width * height }, (_, i) => {
      const at = 3 * i;
      return red * (levels[at] as number) + green * (levels[at + 1] as number) + blue * (levels[at + 2] as number) + offset;
    });
  const y = quantized(plane(0.299, 0.587, 0.114, 0), width, height, luma);
  const half = [Math.ceil(width / 2), Math.ceil(height / 2)] as const;
  const [cb, cr] = [plane(-0.168736, -0.331264, 0.5, 128), plane(0.5, -0.418688, -0.081312, 128)].map((full) =>
    doubled(quantized(halved(full, width, height), ...half, chroma), width, height),
  ) as [Float32Array, Float32Array];
  const result = new Float32Array(image.length);
  for (let i = 0; i < y.length; i++) {
    const light = y[i] as number;
    const [blue, red] = [(cb[i] as number) - 128, (cr[i] as number) - 128];
    result[3 * i] = unitOf(light + 1.402 * red);
    result[3 * i + 1] = unitOf(light - 0.344136 * blue - 0.714136 * red);
    result[3 * i + 2] = unitOf(light + 1.772 * blue);
  }
  return result;
}

const unitOf = (level: number) => Math.min(255, Math.max(0, Math.round(level))) / 255;

/** Averages squares of two by two; at an odd end the last row or column counts twice. */
function halved(plane: Float32Array, width: number, height: number): Float32Array {
  const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  return Float32Array.from({ length: w * h }, (_, i) => {
    const [left, top] = [2 * (i % w), 2 * Math.floor(i / w)];
    const [right, below] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
    const level = (row: number, column: number) => plane[row * width + column] as number;
    return (level(top, left) + level(top, right) + level(below, left) + level(below, right)) / 4;
  });
}

/** Doubles a plane by the triangle filter, as libjpeg does: 3/4 of the nearer level and 1/4 of the next, in each direction. */
function doubled(plane: Float32Array, width: number, height: number): Float32Array {
  const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const next = (at: number, most: number) => Math.min(most - 1, Math.max(0, (at >> 1) + (at % 2 === 0 ? -1 : 1)));
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const [top, left, below, right] = [row >> 1, column >> 1, next(row, h), next(column, w)];
    const across = (line: number) => 0.75 * (plane[line * w + left] as number) + 0.25 * (plane[line * w + right] as number);
    return 0.75 * across(top) + 0.25 * across(below);
  });
}

/** Rounds the coefficients of each block of a plane to multiples of the table's steps. A block beyond the edge repeats the edge. */
function quantized(plane: Float32Array, width: number, height: number, table: readonly number[]): Float32Array {
  const result = new Float32Array(plane.length);
  const [block, half] = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)];
  for (let top = 0; top < height; top += SIDE)
    for (let left = 0; left < width; left += SIDE) {
      for (let i = 0; i < SIDE * SIDE; i++) {
        const [row, column] = [Math.min(height - 1, top + (i >> 3)), Math.min(width - 1, left + (i & 7))];
        block[i] = (plane[row * width + column] as number) - 128;
      }
      transform(block, half, BASIS);
      for (let i = 0; i < SIDE * SIDE; i++) block[i] = Math.round((block[i] as number) / (table[i] as number)) * (table[i] as number);
      transform(block, half, INVERSE);
      for (let row = top; row < Math.min(height, top + SIDE); row++)
        for (let column = left; column < Math.min(width, left + SIDE); column++)
          result[row * width + column] = Math.min(255, Math.max(0, (block[SIDE * (row - top) + column - left] as number) + 128));
    }
  return result;
}

/** Transforms a block in place by the DCT, along rows, then along columns. @param half holds the block in between */
function transform(block: Float64Array, half: Float64Array, basis: Float64Array): void {
  for (let row = 0; row < SIDE; row++)
    for (let to = 0; to < SIDE; to++) {
      let sum = 0;
      for (let from = 0; from < SIDE; from++) sum += (basis[SIDE * to + from] as number) * (block[SIDE * row + from] as number);
      half[SIDE * row + to] = sum;
    }
  for (let column = 0; column < SIDE; column++)
    for (let to = 0; to < SIDE; to++) {
      let sum = 0;
      for (let from = 0; from < SIDE; from++) sum += (basis[SIDE * to + from] as number) * (half[SIDE * from + column] as number);
      block[SIDE * to + column] = sum;
    }
}
