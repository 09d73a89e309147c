/** An image as it is screened: 8-bit, opaque, upright. */
export interface UprightImage {
  width: number;
  height: number;
  /** 1 grey, 3 RGB. */
  channels: 1 | 3;
  /** Height x width x channels levels of 0 to 255, row by row. */
  pixels: Uint8Array;
}

/**
 * Turns an image upright by its EXIF orientation (EXIF 2.32, tag 0x0112); 5 to 8 swap width and height.
 *
 * @param orientation 1 to 8
 */
export function turnUpright(image: UprightImage, orientation: number): UprightImage {
  if (orientation === 1) return image;
  const { width: w, height: h, channels, pixels } = image;
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  // Where the pixel shown at the top left is stored, and how far the next one to the right and the next one below are from it.
  const [right, down, first] = STEPS[orientation]?.(w, h) ?? [];
  if (right === undefined || down === undefined || first === undefined)
    throw new RangeError(`orientation is ${orientation}; 1 to 8 are allowed`);
  const turned = new Uint8Array(pixels.length);
  let to = 0;
  for (let row = 0; row < height; row++) {
    let from = channels * (first + row * down);
    for (let column = 0; column < width; column++, from += channels * right)
      for (let channel = 0; channel < channels; channel++) turned[to++] = pixels[from + channel] as number;
  }
  return { width, height, channels, pixels: turned };
}

/** For a stored image of width w and height h, in stored pixels: a step to the right, a step down, the first pixel. */
const STEPS: Record<number, (w: number, h: number) => [right: number, down: number, first: number]> = {
  2: (w) => [-1, w, w - 1],
  3: (w, h) => [-1, -w, w * h - 1],
  4: (w, h) => [1, -w, w * (h - 1)],
  5: (w) => [w, 1, 0],
  6: (w, h) => [-w, 1, w * (h - 1)],
  7: (w, h) => [-w, -1, w * h - 1],
  8: (w) => [w, -1, w - 1],
};
