/**
 * Resizes by the triangle filter (bilinear), widened by the scale when shrinking so that every source pixel counts; the
 * identity where the size is the same. Two passes, rows then columns, in doubles. The source is asked for row by row, so that
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
    for (let column = 0; column < toWidth; column++) {
      const { first, weights } = across[column] as Tap;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let at = first * channels + channel;
        for (let i = 0; i < weights.length; i++) {
          sum += (weights[i] as number) * (source[at] as number);
          at += channels;
        }
        wide[row * stride + column * channels + channel] = sum;
      }
    }
  }
  const output = new Float64Array(toHeight * stride);
  taps(height, toHeight).forEach(({ first, weights }, row) => {
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += (weights[i] as number) * (wide[(first + i) * stride + x] as number);
      output[row * stride + x] = sum;
    }
  });
  return output;
}

interface Tap {
  first: number;
  weights: Float64Array;
}

/** For each output position, the first source position and the normalised weights from there on. Pixel centres are at +0.5. */
function taps(from: number, to: number): Tap[] {
  if (from === to) return Array.from({ length: to }, (_, i) => ({ first: i, weights: Float64Array.of(1) }));
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const last = Math.min(from - 1, Math.ceil(centre + reach) - 1);
    const raw = Array.from({ length: last - first + 1 }, (_, j) => Math.max(0, 1 - Math.abs((first + j + 0.5 - centre) / reach)));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: Float64Array.from(raw, (weight) => weight / total) };
  });
}
