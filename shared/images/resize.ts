/**
 * Resizes by the triangle filter (bilinear), widened by the scale when shrinking so that every source pixel counts; the
 * identity if the size is the same. Two passes, rows then columns, in doubles. The source is read row by row, so that
 * a large image is never there as doubles.
 *
 * @param readRow writes row `row` of the source, width * channels values, into the array
 * @returns toHeight x toWidth x channels
 */
export function resizeTriangle(
  readRow: (row: number, into: Float64Array) => void,
  width: number,
  height: number,
  channels: number,
  toWidth: number,
  toHeight: number,
): Float64Array {
  const across = taps(width, toWidth);
  const stride = toWidth * channels;
  const source = new Float64Array(width * channels);
  const wide = new Float64Array(height * stride);
  for (let row = 0; row < height; row++) {
    readRow(row, source);
    for (let column = 0, tap = 0; column < toWidth; column++) {
      const first = (across.first[column] as number) * channels;
      const count = across.count[column] as number;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let from = first + channel;
        for (let i = tap; i < tap + count; i++) {
          sum += (across.weights[i] as number) * (source[from] as number);
          from += channels;
        }
        wide[row * stride + column * channels + channel] = sum;
      }
      tap += count;
    }
  }
  const output = new Float64Array(toHeight * stride);
  const down = taps(height, toHeight);
  for (let row = 0, tap = 0; row < toHeight; row++) {
    const first = down.first[row] as number;
    const count = down.count[row] as number;
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (down.weights[tap + i] as number) * (wide[(first + i) * stride + x] as number);
      output[row * stride + x] = sum;
    }
    tap += count;
  }
  return output;
}

/** For each output position, the first source position and the number of weights from there on; and all weights, one after the other. */
interface Taps {
  first: Int32Array;
  count: Int32Array;
  weights: Float64Array;
}

/** Normalised weights. Pixel centres are at +0.5. */
function taps(from: number, to: number): Taps {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const [first, count] = [new Int32Array(to), new Int32Array(to)];
  const weights = new Float64Array(to * (Math.ceil(2 * reach) + 2));
  let at = 0;
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const begin = from === to ? i : Math.max(0, Math.floor(centre - reach));
    const last = from === to ? i : Math.min(from - 1, Math.ceil(centre + reach) - 1);
    first[i] = begin;
    count[i] = last - begin + 1;
    let total = 0;
    for (let j = begin; j <= last; j++) {
      const weight = from === to ? 1 : Math.max(0, 1 - Math.abs((j + 0.5 - centre) / reach));
      weights[at + j - begin] = weight;
      total += weight;
    }
    for (const end = at + last - begin + 1; at < end; at++) weights[at] = (weights[at] as number) / total;
  }
  return { first, count, weights };
}
