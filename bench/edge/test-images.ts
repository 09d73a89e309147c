/** Unknown images, [batch, H, W, C] flat, in [0, 1]; the same for every side. */
export function testImages(batch: number, [height, width, channels]: readonly [number, number, number]): Float32Array {
  return Float32Array.from({ length: batch * height * width * channels }, (_, i) => ((i * 7919) % 101) / 101);
}
