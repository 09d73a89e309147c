import { expect, it } from 'vitest';
import { radiiFor } from '../../evaluate/measure/radii.ts';
import { radiusText } from '../../evaluate/measure/radius-text.ts';

it('radii are 2, 4 and 8 levels in colour, and pixels in proportion to the size', () => {
  expect(radiiFor({ height: 28, width: 28, channels: 1 })).toEqual({
    ...{ linf: [0.05, 0.1, 0.2, 0.3], l2: [0.5, 1, 1.5, 2], l0: [5, 10, 25, 50] },
  });
  const colour = radiiFor({ height: 56, width: 28, channels: 3 });
  expect(colour.linf.map(radiusText)).toEqual(['2/255', '4/255', '8/255']);
  expect(colour.l0).toEqual([10, 20, 50, 100]);
});

it('a radius is told as the decimal that it is, else in levels', () => {
  expect([0.05, 0.2, 1.5, 25, 2 / 255, 0.123456789].map(radiusText)).toEqual(['0.05', '0.2', '1.5', '25', '2/255', '0.123456789']);
});
