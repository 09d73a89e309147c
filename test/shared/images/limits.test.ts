import { describe, expect, it } from 'vitest';
import { ImageError } from '../../../shared/images/image.ts';
import { checkSides, checkSize, DEFAULT_LIMITS } from '../../../shared/images/limits.ts';

const limits = { ...DEFAULT_LIMITS, maxPixels: 600, maxSide: 100, maxAspect: 4 };
const refusal = (check: typeof checkSize, width: number, height: number) => {
  try {
    check({ width, height }, limits);
  } catch (error) {
    if (error instanceof ImageError) return `${error.fault}: ${error.message}`;
  }
  return null;
};

describe('the size of an image', () => {
  it('may be as large as each limit', () => {
    for (const [width, height] of [
      [1, 1],
      [30, 20],
      [12, 48],
      [48, 12],
    ] as const)
      expect(refusal(checkSize, width, height)).toBeNull();
    expect(refusal(checkSides, 100, 100)).toBeNull();
  });

  it.each([
    [31, 20, 'image-too-large: The image is 31 x 20; at most 600 pixels are allowed. Make it smaller.'],
    [0, 3, 'bad-image: The image is 0 x 3: it has no pixels. Use another file.'],
    [3, 0, 'bad-image: The image is 3 x 0: it has no pixels. Use another file.'],
    [101, 5, 'image-too-large: The image is 101 x 5; each side may have at most 100 pixels. Make it smaller.'],
    [5, 101, 'image-too-large: The image is 5 x 101; each side may have at most 100 pixels. Make it smaller.'],
    [49, 12, 'image-too-large: The image is 49 x 12; the longer side may be at most 4 times the shorter. Crop it.'],
    [12, 49, 'image-too-large: The image is 12 x 49; the longer side may be at most 4 times the shorter. Crop it.'],
  ])('%i x %i is refused by its own limit', (width, height, message) => {
    expect(refusal(checkSize, width, height)).toBe(message);
  });

  it('counts no pixels where only the sides are checked', () => {
    expect(refusal(checkSides, 31, 20)).toBeNull();
    expect(refusal(checkSides, 101, 101)).toMatch(/each side/);
  });
});
