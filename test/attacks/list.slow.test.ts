import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack, AttackedModel, Oracle } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { distances } from '../../attacks/steps/projection.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { TWO_PIXELS, twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

const SIZE = 2;
/** Reaches the other class from each of the images, in each norm. */
const RADII = { linf: 0.9, l2: 0.9, l0: 2 };
const radiusOf = ({ norm }: Attack) => (norm ? RADII[norm] : Number.POSITIVE_INFINITY);
const IMAGES = Float32Array.of(0.9, 0.1, 0.2, 0.95, 1, 0.05);
const LABELS = [0, 1, 0];
const SEEDS = [11, 12, 13];

/** The decision of `twoPixels`, worked out by hand. */
const answers: Oracle = async (images) =>
  Array.from({ length: images.length / SIZE }, (_, i) => {
    const [x, y] = images.subarray(i * SIZE, (i + 1) * SIZE) as unknown as [number, number];
    const squares = [(x - 1) ** 2 + y ** 2, x ** 2 + (y - 1) ** 2] as const;
    const label = squares[0] <= squares[1] ? 0 : 1;
    const accepted = squares[label] <= 0.25;
    return { accepted, label, logRatios: [Math.log(Math.max(squares[label], 1e-12) / 0.25)] };
  });

/** Two own images of each class: its mean and one that is further from the other class. */
const startingPoints: AttackedModel['startingPoints'] = async (image, label, count) =>
  [label === 0 ? [1, 0] : [0, 1], label === 0 ? [0.8, 0] : [0, 0.8]]
    .map((own) => Float32Array.from(own))
    .map((own) => ({ image: own, distance: distances(own, image, TWO_PIXELS, 'l2')[0] as number }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count);

/** The images at `places`. */
const at = (places: number[]) => Float32Array.from(places.flatMap((i) => [...IMAGES.subarray(i * SIZE, (i + 1) * SIZE)]));

/** Attacks the images at `places` as one batch. */
const run = (attack: Attack, places: number[]) => {
  const [labels, seeds] = [LABELS, SEEDS].map((all) => places.map((i) => all[i] as number)) as [number[], number[]];
  const model = twoPixels({ startingPoints, oracle: () => answers });
  return attack.run(model, at(places), labels, radiusOf(attack), seeds);
};

const attacks: Attack[] = Object.values(suites)
  .flat()
  .flatMap((entry) => ('run' in entry ? [entry] : [entry.search, entry.edge]));

describe.each(attacks.map((attack) => [`${attack.name}, ${attack.norm}, ${attack.about}`, attack] as const))('%s', (_, attack) => {
  it('makes candidates within [0, 1] and the radius, the same for an image alone as in a batch', async () => {
    const { images, of, targets, queries } = await run(attack, [0, 1, 2]);
    expect(images).toHaveLength(of.length * SIZE);
    for (const place of of) expect([0, 1, 2]).toContain(place);
    for (const value of images) expect(value >= 0 && value <= 1).toBe(true);
    if (targets || attack.targeted) expect(targets).toHaveLength(of.length);
    // An attack that begins at noise has no true class to avoid.
    if (attack.norm !== null) for (const [row, target] of (targets ?? []).entries()) expect(target).not.toBe(LABELS[of[row] as number]);
    if (attack.kind === 'fixed radius' && attack.norm !== null)
      for (const distance of distances(images, at(of), TWO_PIXELS, attack.norm))
        expect(distance).toBeLessThanOrEqual(radiusOf(attack) + 1e-5);
    if (attack.knowledge === 'black-box') {
      expect(queries).toHaveLength(LABELS.length);
      expect(Math.max(...(queries as number[]))).toBeLessThanOrEqual(attack.cost);
    } else expect(new Set(of).size).toBe(LABELS.length);
    const alone = await run(attack, [1]);
    const rows = of.flatMap((place, row) => (place === 1 ? [row] : []));
    expect(alone.of).toEqual(rows.map(() => 0));
    expect(alone.targets).toEqual(targets && rows.map((row) => targets[row]));
    const again = rows.flatMap((row) => [...images.subarray(row * SIZE, (row + 1) * SIZE)]);
    expect(alone.images).toHaveLength(again.length);
    for (const [i, value] of again.entries()) expect(alone.images[i]).toBeCloseTo(value, 4);
  });
});
