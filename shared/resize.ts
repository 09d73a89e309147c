/**
 * Resizes by the triangle filter (bilinear), widened by the scale when shrinking so that every source pixel counts; the
 * identity where the size is the same. Two passes, rows then columns, in doubles.
 *
 * @param values height x width x channels
 * @returns toHeight x toWidth x channels
 */
export function resizeTriangle(
  values: Float64Array,
  width: number,
  height: number,
  channels: number,
  toWidth: number,
  toHeight: number,
): Float64Array {
  if (width === toWidth && height === toHeight) return values;
  const across = taps(width, toWidth);
  const wide = new Float64Array(height * toWidth * channels);
  for (let row = 0; row < height; row++) {
    across.forEach(({ first, weights }, column) => {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) {
          sum += (weights[i] as number) * (values[(row * width + first + i) * channels + channel] as number);
        }
        wide[(row * toWidth + column) * channels + channel] = sum;
      }
    });
  }
  const stride = toWidth * channels;
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

/** For each output position, the first source position and the normalised weights from there on. Pixel centres are at +0.5. */
function taps(from: number, to: number): { first: number; weights: number[] }[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const last = Math.min(from - 1, Math.ceil(centre + reach) - 1);
    const raw = Array.from({ length: last - first + 1 }, (_, j) => Math.max(0, 1 - Math.abs((first + j + 0.5 - centre) / reach)));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}
