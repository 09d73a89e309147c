import { expect, it } from 'vitest';
import { countedPixels, inflatedSize } from '../../../../shared/images/png/rows.ts';

const size = (width: number, height: number, colourType: number, bitDepth: number, interlaced = false) =>
  inflatedSize({ width, height, colourType, bitDepth, interlaced });

it('the rows of a PNG have a byte for their filter and are padded to whole bytes', () => {
  expect(size(2, 3, 0, 8)).toBe(3 * (1 + 2));
  expect(size(9, 2, 0, 1)).toBe(2 * (1 + 2));
  expect(size(3, 1, 3, 4)).toBe(1 + 2);
  expect(size(5, 4, 2, 8)).toBe(4 * (1 + 15));
  expect(size(5, 4, 4, 16)).toBe(4 * (1 + 20));
  expect(size(5, 4, 6, 16)).toBe(4 * (1 + 40));
});

it.each<[width: number, height: number, colourType: number, bitDepth: number, bytes: number, how: string]>([
  [1, 1, 0, 8, 2, 'only the first pass has a pixel'],
  [8, 8, 0, 8, 79, '1 + 1, 1 + 1, (1 + 2), 2 (1 + 2), 2 (1 + 4), 4 (1 + 4), 4 (1 + 8)'],
  [8, 8, 0, 1, 30, '15 rows of one byte and their filters'],
  [5, 1, 0, 8, 9, 'passes 1, 2, 4, 6 of 1, 1, 1, 2 pixels; none in rows below'],
  [1, 5, 0, 8, 10, 'passes 1, 3, 5, 7 of 1, 1, 1, 2 rows of one pixel'],
  [3, 3, 2, 8, 33, 'passes 1, 4, 5, 6, 7 of 1, 1, 1, 2, 1 rows of 1, 1, 2, 1, 3 pixels'],
])('interlaced, %i x %i of type %i and %i bits have %i: %s', (width, height, colourType, bitDepth, bytes) => {
  expect(size(width, height, colourType, bitDepth, true)).toBe(bytes);
});

it('pixels of more than 32 bits count for more than one', () => {
  const counted = (colourType: number, bitDepth: number) =>
    countedPixels({ width: 10, height: 3, colourType, bitDepth, interlaced: false });
  expect([counted(0, 1), counted(6, 8), counted(4, 16), counted(2, 16), counted(6, 16)]).toEqual([30, 30, 30, 45, 60]);
});
