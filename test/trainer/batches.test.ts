import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { drawTransform, transformImage } from '../../trainer/data/augment.ts';
import { batches, batchesIn, trainingImages } from '../../trainer/data/batches.ts';
import { inMemory } from '../../trainer/data/dataset.ts';
import { tinyTraining } from './tiny-dataset.ts';

const input = { height: 1, width: 1, channels: 1 as const };
const still = { shift: 0, rotation: 0, scale: 0, shear: 0 };

/** One pixel an image, whose level is its number; as with images in a file, a view is valid until the next. */
function made(labels: number[], change: object) {
  const training = { ...tinyTraining, augmentation: still, batchSize: 8, outliers: 0, ...change };
  const view = new Uint8Array(1);
  const data = { count: labels.length, labels: Uint16Array.from(labels), image: (i: number) => view.fill(i) };
  const indices = labels.map((_, i) => i);
  const images = trainingImages(data, input, 4, indices, training, randomFrom(2, 'labels'));
  return { images, all: [...batches(images, training, randomFrom(1))].map((batch) => batch.rows()), count: batchesIn(images, 8) };
}
const levels = (values: Float32Array) => Array.from(values, (value) => Math.round(255 * value));

describe('batches', () => {
  it('go through all images once, each with its own target', () => {
    const { all, count } = made([0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3], {});
    expect(all.map((part) => part.count)).toEqual([8, 5]);
    expect(count).toBe(2);
    const seen = all.flatMap((part) => levels(part.images).map((level, i) => [level, part.targets.slice(4 * i, 4 * i + 4).indexOf(1)]));
    expect(seen.sort((a, b) => (a[0] as number) - (b[0] as number))).toEqual(
      [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3].map((label, i) => [i, label]),
    );
    expect(all.every((part) => part.labelled.every((value) => value === 1) && part.weights.every((weight) => weight === 1))).toBe(true);
  });

  it('take a quarter from the labelled images, which come round again, and go through the others once', () => {
    const labels = Array.from({ length: 40 }, (_, i) => i % 4);
    const { images, all, count } = made(labels, { labelsPerClass: 1 });
    expect(images.labelled.map((i) => labels[i]).sort()).toEqual([0, 1, 2, 3]);
    expect(all).toHaveLength(count);
    expect(count).toBe(6);
    expect(all.every(({ labelled }) => labelled.filter((value) => value === 1).length === 2)).toBe(true);
    const of = (kind: number) =>
      all.flatMap((part) => levels(part.images).filter((_, i) => part.labelled[i] === kind)).sort((a, b) => a - b);
    expect(of(0)).toEqual(images.unlabelled);
    // 12 places for 4 images.
    expect(of(1)).toEqual(images.labelled.flatMap((i) => [i, i, i]));
  });

  it('have so many unknown images behind the others, whose target is the origin', () => {
    const labels = Array.from({ length: 24 }, (_, i) => i % 4);
    const { all } = made(labels, { outliers: 1 / 4 });
    expect(all.map(({ count }) => count)).toEqual([10, 10, 10]);
    for (const { images, targets, genuine, labelled, weights, noise } of all) {
      expect([images.length, noise.length, weights.length]).toEqual([10, 40, 10]);
      expect(Array.from(genuine)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
      expect(Array.from(targets.slice(32))).toEqual(new Array(8).fill(0));
      expect(targets.slice(0, 32).filter((value) => value === 1)).toHaveLength(8);
      expect(Array.from(labelled)).toEqual(new Array(10).fill(1));
    }
    expect(all).toEqual(made(labels, { outliers: 1 / 4 }).all);
  });

  it('change outliers as they change all images, each by itself', () => {
    // Columns of their own level, so that the first pixel tells by how many columns an image was shifted.
    const size = { height: 2, width: 9, channels: 1 as const };
    const data = inMemory(
      Uint8Array.from({ length: 8 * 18 }, (_, i) => 10 * (i % 9)),
      Uint16Array.from({ length: 8 }, (_, i) => i % 4),
    );
    const training = {
      ...tinyTraining,
      ...{ augmentation: { ...still, shift: 3 }, batchSize: 8, outliers: 1, outlierKinds: { inverted: 1 } },
    };
    const images = trainingImages(data, size, 4, [0, 1, 2, 3, 4, 5, 6, 7], training, randomFrom(2, 'labels'));
    const [rows] = [...batches(images, training, randomFrom(1))].map((batch) => batch.rows());
    const middles = Array.from({ length: 16 }, (_, i) => Math.round(255 * (rows?.images[18 * i + 4] as number)));
    const shifts = middles.map((level, i) => (i < 8 ? level : 255 - level) / 10 - 4);
    expect(shifts.every((shift) => Number.isInteger(shift) && Math.abs(shift) <= 3)).toBe(true);
    expect(new Set(shifts.slice(8)).size).toBeGreaterThan(2);
    expect(shifts.slice(8)).not.toEqual(shifts.slice(0, 8));
  });

  it('never look at the label of an unlabelled image', () => {
    const labels = Array.from({ length: 24 }, (_, i) => i % 4);
    const { images, all } = made(labels, { labelsPerClass: 2, classWeights: 'balanced' });
    const others = labels.map((label, i) => (images.labelled.includes(i) ? label : 3 - label));
    const training = { ...tinyTraining, augmentation: still, batchSize: 8, outliers: 0 };
    const changed = {
      ...images,
      data: inMemory(
        Uint8Array.from(labels, (_, i) => i),
        Uint16Array.from(others),
      ),
    };
    expect([...batches(changed, training, randomFrom(1))].map((batch) => batch.rows())).toEqual(all);
  });

  it('balance the classes, up to ten times', () => {
    const { images } = made([...new Array(30).fill(0), ...new Array(10).fill(1), 2, 3, 3], { classWeights: 'balanced' });
    // 43 images, 10.75 a class if all had as many.
    expect(images.weights).toEqual([10.75 / 30, 1.075, 10, 10.75 / 2]);
  });
});

describe('a change of an image', () => {
  const size = { height: 5, width: 6, channels: 3 as const };
  const image = Uint8Array.from({ length: 90 }, (_, i) => (i * 37) % 256);
  const changed = (change: Parameters<typeof transformImage>[1]) => {
    const values = new Float32Array(90);
    transformImage(image, change, size, values, 0);
    return values;
  };

  it('of nothing changes nothing', () => {
    const change = drawTransform(still, size, randomFrom(1));
    expect(levels(changed(change))).toEqual(Array.from(image));
  });

  it('keeps the asked share of images as sharp as they are', () => {
    const augmentation = { shift: 2, rotation: 10, scale: 0.1, shear: 0.1, still: 0.25 };
    const random = randomFrom(4);
    const changes = Array.from({ length: 4000 }, () => drawTransform(augmentation, size, random));
    const sharp = changes.filter(
      ([a, b, c, d, e, f]) => a === 1 && b === 0 && d === 0 && e === 1 && Number.isInteger(c) && Number.isInteger(f),
    );
    expect(sharp.length / 4000).toBeCloseTo(0.25, 1);
    expect(new Set(sharp.map(([, , c, , , f]) => `${c} ${f}`)).size).toBe(25);
  });

  it('of whole pixels moves them, and the border goes on', () => {
    // One down, two to the left: the new pixel (y, x) is the old one at (y - 1, x + 2).
    const values = levels(changed([1, 0, -1, 0, 1, 2]));
    const at = (y: number, x: number) => image[(y * 6 + x) * 3] as number;
    for (let y = 0; y < 5; y++)
      for (let x = 0; x < 6; x++) expect(values[(y * 6 + x) * 3]).toBe(at(Math.max(0, y - 1), Math.min(5, x + 2)));
  });

  it('by half a pixel is the mean of two', () => {
    const values = changed([1, 0, 0, 0, 1, 0.5]);
    expect(values[0]).toBeCloseTo(((image[0] as number) + (image[3] as number)) / 510, 6);
  });

  it('by a quarter turn about the middle turns a square, clockwise or back', () => {
    const square = { height: 3, width: 3, channels: 1 as const };
    const turned = (angle: number) => {
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const values = new Float32Array(9);
      const change = [cos, sin, 1 - cos - sin, -sin, cos, 1 + sin - cos] as const;
      transformImage(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [...change], square, values, 0);
      return levels(values);
    };
    expect(turned(Math.PI / 2)).toEqual([3, 6, 9, 2, 5, 8, 1, 4, 7]);
    expect(turned(Math.PI)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('keeps the middle near the middle and values in [0, 1], and draws as many numbers whatever it is', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.record({
          shift: fc.constant(0),
          rotation: fc.double({ min: 0.1, max: 180, noNaN: true }),
          scale: fc.double({ min: 0, max: 0.5, noNaN: true }),
          shear: fc.double({ min: 0, max: 0.5, noNaN: true }),
        }),
        (seed, augmentation) => {
          const [random, other] = [randomFrom(seed), randomFrom(seed)];
          const change = drawTransform(augmentation, size, random);
          const [a, b, c, d, e, f] = change;
          expect(a * 2 + b * 2.5 + c).toBeCloseTo(2, 9);
          expect(d * 2 + e * 2.5 + f).toBeCloseTo(2.5, 9);
          expect(changed(change).every((value) => value >= 0 && value <= 1)).toBe(true);
          drawTransform({ ...augmentation, rotation: 20 }, size, other);
          expect(random.state()).toEqual(other.state());
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });
});
