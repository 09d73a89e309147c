import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { drawLight, imagesInLight, LIGHT, lightSchema, withLight } from '../../trainer/data/augment-light.ts';
import { batches, trainingImages } from '../../trainer/data/batches.ts';
import { inMemory } from '../../trainer/data/dataset.ts';
import { compressed } from '../../trainer/data/jpeg-loss.ts';
import { blurred, noisy, relit } from '../../trainer/data/photometric.ts';
import { trainingSchema } from '../../trainer/presets.ts';
import { tinyTraining } from './tiny-dataset.ts';

const colour = { height: 32, width: 32, channels: 3 as const };
const photo = sharp(await readFile(join(import.meta.dirname, '../samples/scaled/8.png'))).resize(32, 32);
const levels = await photo.clone().removeAlpha().raw().toBuffer();
const image = Float32Array.from(levels, (level) => level / 255);
const rounded = (values: Float32Array) => Array.from(values, (value) => Number(value.toFixed(4)));

describe('light', () => {
  const two = { height: 1, width: 2, channels: 3 as const };
  it('is a factor of every value, of the differences from the mean, of red against blue', () => {
    const values = Float32Array.of(0.2, 0.4, 0.6, 0.4, 0.4, 0.4);
    const still = { brightness: 1, contrast: 1, temperature: 0 };
    expect(relit(values, two, still)).toEqual(values);
    expect(rounded(relit(values, two, { ...still, brightness: 0.5 }))).toEqual([0.1, 0.2, 0.3, 0.2, 0.2, 0.2]);
    expect(rounded(relit(values, two, { ...still, contrast: 0.5 }))).toEqual([0.3, 0.4, 0.5, 0.4, 0.4, 0.4]);
    expect(rounded(relit(values, two, { ...still, temperature: 0.1 }))).toEqual([0.22, 0.4, 0.54, 0.44, 0.4, 0.36]);
    expect(rounded(relit(values, two, { ...still, brightness: 2 }))).toEqual([0.4, 0.8, 1, 0.8, 0.8, 0.8]);
    const grey = { height: 1, width: 2, channels: 1 as const };
    expect(rounded(relit(Float32Array.of(0.2, 0.4), grey, { ...still, temperature: 0.1 }))).toEqual([0.2, 0.4]);
  });

  it('noise has the deviation that is asked for', () => {
    const grey = new Float32Array(30_000).fill(0.5);
    const noise = noisy(grey, 0.05, randomFrom(3)).map((value) => value - 0.5);
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length);
    expect(deviation).toBeCloseTo(0.05, 3);
  });

  it('a blurred point is a Gaussian, in each channel for itself', () => {
    const point = new Float32Array(3 * 9 * 9);
    point[3 * (9 * 4 + 4) + 1] = 1;
    const size = { height: 9, width: 9, channels: 3 as const };
    const spread = blurred(point, size, 1);
    const at = (row: number, column: number, channel: number) => spread[3 * (9 * row + column) + channel] as number;
    const weights = [-3, -2, -1, 0, 1, 2, 3].map((x) => Math.exp(-(x ** 2) / 2));
    const all = weights.reduce((sum, weight) => sum + weight);
    expect(at(4, 4, 1)).toBeCloseTo(1 / all ** 2, 6);
    expect(at(3, 6, 1)).toBeCloseTo(((weights[2] as number) * (weights[5] as number)) / all ** 2, 6);
    expect(at(4, 4, 0)).toBe(0);
    expect(spread.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
  });
});

describe('the losses of a JPEG', () => {
  it.each([30, 50, 75, 90])('of quality %i are about those of a real one', async (quality) => {
    const file = await photo.clone().removeAlpha().jpeg({ quality, chromaSubsampling: '4:2:0' }).toBuffer();
    const real = await sharp(file).raw().toBuffer();
    const ours = compressed(image, colour, quality);
    const rms = (values: ArrayLike<number>, other: (i: number) => number) =>
      Math.sqrt(Array.from(values, (value, i) => (value - other(i)) ** 2).reduce((sum, each) => sum + each) / values.length);
    const lost = rms(real, (i) => levels[i] as number);
    const apart = rms(real, (i) => 255 * (ours[i] as number));
    expect(apart).toBeLessThan(0.5 * lost);
    expect(rms(levels, (i) => 255 * (ours[i] as number)) / lost).toBeGreaterThan(0.8);
    expect(rms(levels, (i) => 255 * (ours[i] as number)) / lost).toBeLessThan(1.25);
  });

  it('of a grey one are, but for rounding, those of a real one, at any size', async () => {
    for (const [width, height] of [
      [32, 32],
      [13, 21],
      [1, 1],
    ] as const) {
      const grey = await photo.clone().resize(width, height, { fit: 'fill' }).toColourspace('b-w').removeAlpha().raw().toBuffer();
      const file = await sharp(grey, { raw: { width, height, channels: 1 } })
        .toColourspace('b-w')
        .jpeg({ quality: 50 })
        .toBuffer();
      const real = await sharp(file).toColourspace('b-w').raw().toBuffer();
      const ours = compressed(
        Float32Array.from(grey, (level) => level / 255),
        { height, width, channels: 1 },
        50,
      );
      const most = Math.max(...real.map((level, i) => Math.abs(level - Math.round(255 * (ours[i] as number)))));
      expect(most).toBeLessThanOrEqual(4);
    }
  });
});

describe('--augment light', () => {
  it('draws within its bounds, as many numbers for every image', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, probability) => {
        const [random, other] = [randomFrom(seed), randomFrom(seed)];
        const change = drawLight({ ...LIGHT, probability }, colour, random);
        drawLight(LIGHT, colour, other);
        expect(random.state()).toEqual(other.state());
        if (change.light) {
          expect(change.light.brightness).toBeGreaterThanOrEqual(0.4);
          expect(change.light.brightness).toBeLessThanOrEqual(1.3);
          expect(Math.abs(change.light.temperature)).toBeLessThanOrEqual(LIGHT.temperature);
        }
        expect(change.blur ?? 0).toBeLessThanOrEqual(LIGHT.blur * 32);
        const changed = withLight(image, colour, change);
        expect(changed).toHaveLength(image.length);
        expect(changed.every((value) => value >= 0 && value <= 1)).toBe(true);
      }),
      { numRuns: 50 },
    );
    const never = { ...LIGHT, probability: 0 };
    expect(withLight(image, colour, drawLight(never, colour, randomFrom(1)))).toBe(image);
  });

  const labels = Uint16Array.of(0, 1, 2, 3);
  const data = inMemory(Uint8Array.from(Array.from({ length: 4 }, () => [...levels]).flat()), labels);

  it('changes the images of a batch, and nothing else that it draws', () => {
    const training = { ...tinyTraining, augmentation: { shift: 0, rotation: 0, scale: 0, shear: 0 }, batchSize: 4, outliers: 0 };
    const images = trainingImages(data, colour, 4, [0, 1, 2, 3], training, randomFrom(2));
    const rows = (light: typeof LIGHT | null) => [...batches(images, { ...training, light }, randomFrom(1))].map((batch) => batch.rows());
    const [plain, lit] = [rows(null)[0], rows({ ...LIGHT, probability: 1 })[0]];
    expect(lit?.noise).toEqual(plain?.noise);
    expect(lit?.targets).toEqual(plain?.targets);
    expect(lit?.images).not.toEqual(plain?.images);
    expect(rows({ ...LIGHT, probability: 0 })[0]?.images).toEqual(plain?.images);
  });

  it('gives calibration each image in a light of its own, the same each time', () => {
    const lit = imagesInLight(data, colour, { ...LIGHT, probability: 1 }, 7);
    const first = lit.image(0).slice();
    expect(first).not.toEqual(lit.image(1));
    expect(lit.image(0)).toEqual(first);
    expect(lit.labels).toBe(labels);
    expect(imagesInLight(data, colour, { ...LIGHT, probability: 0 }, 7).image(3)).toEqual(data.image(3));
  });

  it('is recorded; a training of an older version has none', () => {
    expect(lightSchema.parse(LIGHT)).toEqual(LIGHT);
    const { light: _, ...older } = tinyTraining;
    expect(trainingSchema.parse(older).light).toBeNull();
  });
});
