import { beforeAll, expect, it } from 'vitest';
import type { Answer, Attack } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { distances } from '../../attacks/steps/projection.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { TWO_PIXELS, twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

/** (1, 0) for class 0 and (0, 1) for class 1, accepted as such. */
const MEANS = [Float32Array.of(1, 0), Float32Array.of(0, 1)];

/** The decision on two pixels, by the squared distance to each mean. */
function answer([x, y]: [number, number]): Answer {
  const squared = [(x - 1) ** 2 + y ** 2, x ** 2 + (y - 1) ** 2];
  const label = squared.indexOf(Math.min(...squared));
  const ratio = Math.log((squared[label] as number) / 0.25 + 1e-9);
  return { accepted: ratio <= 0, label, logRatios: [ratio] };
}

const model = () =>
  twoPixels({
    startingPoints: async (image, label) => {
      const point = MEANS[label] as Float32Array;
      return [{ image: point, distance: distances(image, point, TWO_PIXELS, 'l2')[0] as number }];
    },
    oracle: () => async (images) =>
      Array.from({ length: images.length / 2 }, (_, i) => answer([images[2 * i] as number, images[2 * i + 1] as number])),
  });

const all: Attack[] = [
  ...Object.values(suites.encoder),
  ...Object.values(suites.paper),
  ...suites.adaptive,
  ...suites.nearest,
  ...suites.blackBox,
  ...suites.pipeline.flatMap(({ search, edge }) => [search, edge]),
  ...suites.transfer,
];
const images = Float32Array.of(0.9, 0.1, 0.2, 0.8);
const labels = [0, 1];
const RADII = { linf: 0.3, l2: 0.6, l0: 1 };
const radiusOf = ({ norm }: Attack) => (norm ? RADII[norm] : Number.POSITIVE_INFINITY);

it.each(all.map((attack) => [`${attack.name}, ${attack.norm}`, attack] as const))('%s', async (_, attack) => {
  const own = { ...model() };
  const drawn = attack.norm === null;
  const run = (pixels: Float32Array, truths: number[], seeds: number[]) =>
    attack.run(own, drawn ? new Float32Array() : pixels, drawn ? [] : truths, radiusOf(attack), seeds);
  const both = await run(images, labels, [5, 6]);
  expect(both.images).toHaveLength(2 * both.of.length);
  expect(both.targets ?? both.of).toHaveLength(both.of.length);
  for (const value of both.images) expect(value >= 0 && value <= 1).toBe(true);
  if (attack.norm && attack.kind === 'fixed radius') {
    const origins = Float32Array.from(both.of.flatMap((i) => [...images.slice(2 * i, 2 * i + 2)]));
    for (const length of distances(both.images, origins, TWO_PIXELS, attack.norm))
      expect(length).toBeLessThanOrEqual(radiusOf(attack) + 1e-5);
  }
  // An image and its seed give the same alone.
  const alone = await run(images.slice(2), [1], [6]);
  const second = both.of.flatMap((i, row) => (i === 1 ? [...both.images.slice(2 * row, 2 * row + 2)] : []));
  expect([...alone.images]).toEqual(second);
  expect(attack.source).toMatch(/\/attacks\/[a-z-]+\.ts$/);
  expect(attack.cost).toBeGreaterThan(0);
});
