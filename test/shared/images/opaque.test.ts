import { expect, it } from 'vitest';
import { rounded } from '../../../shared/images/opaque.ts';

it('a level over a background is rounded as a division rounds it, whatever the sum', () => {
  const wrong = Array.from({ length: 255 * 255 + 1 }, (_, sum) => sum).filter((sum) => rounded(sum) !== Math.floor(sum / 255 + 0.5));
  expect(wrong).toEqual([]);
});
