import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Corruption, corruptions, SEVERITIES } from '../../evaluate/images/corruptions.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Random, randomFrom } from '../../shared/random.ts';

const size = { height: 8, width: 8, channels: 1 as const };
const image = Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 : (i % 5) / 8));

/** A bright stroke off the middle of a page, as digits have them. */
const page = { height: 28, width: 28, channels: 1 as const };
const stroke = Float32Array.from({ length: 28 * 28 }, (_, i) => {
  const [row, column] = [Math.floor(i / 28), i % 28];
  return row > 3 && row < 22 && Math.abs(column - 8 - row / 4) < 2.5 ? 0.8 : 0.1;
});

/** Corrupts by a severity; 0 leaves the image as it is. */
const by =
  ({ strengths, apply }: Corruption) =>
  (given: Float32Array, of: Screening['input'], severity: number, random: Random) =>
    severity === 0 ? given.slice() : apply(given, of, strengths[severity - 1] as number, random);

const grey = Object.entries(corruptions).filter(([, { needsColour }]) => !needsColour);

describe.each(grey.map(([name, corruption]) => [name, by(corruption)] as const))('%s', (_, corrupt) => {
  it('changes an image more with each severity', () => {
    const change = (severity: number) => {
      const distances = Array.from({ length: 30 }, (_, seed) =>
        corrupt(stroke, page, severity, randomFrom(seed)).reduce((sum, value, i) => sum + (value - (stroke[i] as number)) ** 2, 0),
      );
      return distances.reduce((sum, distance) => sum + distance) / distances.length;
    };
    const changes = [0, ...SEVERITIES].map(change);
    expect(changes).toEqual(changes.toSorted((a, b) => a - b));
    expect(new Set(changes).size).toBe(changes.length);
  });

  it('changes an image from severity 1 on, more by and large', () => {
    const change = (severity: number) =>
      corrupt(image, size, severity, randomFrom(1)).reduce((sum, value, i) => sum + Math.abs(value - (image[i] as number)), 0);
    expect(change(5)).toBeGreaterThan(0);
    expect(change(5)).toBeGreaterThanOrEqual(change(1) * 0.5);
  });

  it('stays in [0, 1], gives the same with the same seed and leaves what it was given', () => {
    const property = fc.property(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(...SEVERITIES), (seed, severity) => {
      const random = randomFrom(seed, 'image');
      const own = Float32Array.from({ length: 3 * 48 }, () => random.uniform());
      const before = own.slice();
      const colour = { height: 6, width: 8, channels: 3 as const };
      const changed = corrupt(own, colour, severity, randomFrom(seed));
      expect(changed.every((value) => value >= 0 && value <= 1 + 1e-6)).toBe(true);
      expect([...changed]).toEqual([...corrupt(own, colour, severity, randomFrom(seed))]);
      expect([...own]).toEqual([...before]);
    });
    fc.assert(property, { numRuns: 20 });
  });
});

it('a shift moves pixels by whole places, and fills with the corner', () => {
  const line = Float32Array.of(0.5, 0, 0, 1, 0, 0, 0, 0, 0);
  // Three by three: a shift of .18 of the side is one pixel.
  const moved = corruptions.shifted?.apply(line, { height: 3, width: 3, channels: 1 }, 0.18, { ...randomFrom(1), uniform: () => 0.9 });
  expect([...(moved as Float32Array)]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0, 0.5, 1, 0]);
});

it('contrast is lowered about the mean', () => {
  const flat = corruptions['contrast lowered']?.apply(Float32Array.of(0, 1), { height: 1, width: 2, channels: 1 }, 0.3, randomFrom(1));
  expect([...(flat as Float32Array)].map((value) => +value.toFixed(4))).toEqual([0.35, 0.65]);
});

it('include half the light, noise of .05 and .1, 2 % salt and pepper, JPEG of quality 50, and warmer light of colours', () => {
  const said = Object.entries(corruptions).flatMap(([name, { strengths, says }]) =>
    strengths.map((strength) => `${name}: ${says(strength)}`),
  );
  for (const one of [
    'darker: brightness x 0.7',
    'darker: brightness x 0.5',
    'Gaussian noise: a deviation of 0.05',
    'Gaussian noise: a deviation of 0.1',
    'salt and pepper: 2 % of the values',
    "JPEG losses: quality 50, at the size of the model's input",
    'warmer: red x 1.15, blue x 0.85',
  ])
    expect(said).toContain(one);
  const warm = corruptions.warmer?.apply(Float32Array.of(0.4, 0.4, 0.4), { height: 1, width: 1, channels: 3 }, 0.1, randomFrom(1));
  expect(Array.from(warm as Float32Array, (value) => +value.toFixed(4))).toEqual([0.44, 0.4, 0.36]);
});
