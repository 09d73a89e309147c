import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Attacked, innerAttack } from '../../../trainer/robust/inner-attack.ts';
import { shrinkingAttack } from '../../../trainer/robust/shrinking-attack.ts';

/** An encoder of 2 x 2 images: z = W x + b. */
function linear(weights: number[][], bias: number[]): tf.LayersModel {
  const dense = tf.layers.dense({ units: bias.length });
  const model = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 2, 1] }), dense] });
  dense.setWeights([tf.tensor2d(weights), tf.tensor1d(bias)]);
  return model;
}

// Class 0 looks for light on the left, class 1 on the right.
const encoder = linear(
  [
    [0.5, 0],
    [0, 0.5],
    [0.5, 0],
    [0, 0.5],
  ],
  [0, 0],
);
const means = tf.tensor2d([
  [1, 0],
  [0, 1],
]);

function rows(
  images: number[][],
  given: Partial<Record<'radii' | 'stepLengths' | 'reaches' | 'isL2' | 'isSparse' | 'genuine' | 'goals', number[]>>,
  starts = images,
) {
  const images4d = (values: number[][]) => tf.tensor4d(values.flat(), [values.length, 2, 2, 1]);
  const filled = (name: keyof typeof given, value: number) => tf.tensor1d(given[name] ?? images.map(() => value));
  const genuine = filled('genuine', 1);
  return {
    images: images4d(images),
    starts: images4d(starts),
    targets: tf.tensor2d(images.map((_, i) => ((given.genuine?.[i] ?? 1) === 1 ? [1, 0] : [0, 0]))),
    genuine,
    radii: filled('radii', 0.2),
    stepLengths: filled('stepLengths', 1),
    reaches: filled('reaches', 1),
    isL2: filled('isL2', 0),
    isSparse: filled('isSparse', 0),
    goals: filled('goals', -1),
  } satisfies Attacked;
}

const attack = (attacked: Attacked, steps = 1) =>
  tf
    .tidy(() => innerAttack(encoder, attacked, { means, temperature: 0.1, steps }))
    .arraySync()
    .map((image) => image.flat(2));
const near = (values: number[]) => values.map((value) => expect.closeTo(value, 5));

it('one step goes to the corner of the linf ball that is nearest the other class, clipped to [0, 1]', () => {
  expect(attack(rows([[0.9, 0.1, 0.5, 0.9]], {}))[0]).toEqual(near([0.7, 0.3, 0.3, 1]));
});

it('one step goes along the gradient to the border of the l2 ball', () => {
  const [image] = attack(rows([[0.5, 0.5, 0.5, 0.5]], { isL2: [1] })) as [number[]];
  expect(image).toEqual(near([0.4, 0.6, 0.4, 0.6]));
});

it('in l2, values that could only leave [0, 1] leave the whole length of the step to the others', () => {
  // z = (.25, .5); the gradient by z is -2 (.25, -.5) / .1 + .3 x 2 (-.75, .5) = (-5.45, 10.3).
  const length = Math.hypot(10.3, 5.45, 10.3) / 0.2;
  expect(attack(rows([[0, 0.5, 0.5, 0.5]], { isL2: [1] }))[0]).toEqual(
    near([0, 0.5 + 10.3 / length, 0.5 - 5.45 / length, 0.5 + 10.3 / length]),
  );
});

it('of a sparse row only the quarter with the largest gradients moves', () => {
  const lopsided = linear(
    [
      [0.5, 0],
      [0, 0.9],
      [0.5, 0],
      [0, 0.5],
    ],
    [0, 0],
  );
  const image = tf.tidy(() =>
    innerAttack(lopsided, rows([[0.5, 0.5, 0.5, 0.5]], { isSparse: [1] }), { means, temperature: 0.1, steps: 1 }),
  );
  expect(Array.from(image.dataSync())).toEqual(near([0.5, 0.7, 0.5, 0.5]));
});

it('an outlier is moved towards the class that it is nearest to', () => {
  // Nearer to class 0, and to the left of its mean.
  expect(attack(rows([[0.5, 0.1, 0.5, 0.1]], { genuine: [0] }))[0]).toEqual(near([0.7, 0, 0.7, 0]));
});

it('starts outside the ball are projected onto it', () => {
  const [image] = attack(rows([[0.5, 0.5, 0.5, 0.5]], { stepLengths: [0] }, [[1, 0.4, 0, 0.6]])) as [number[]];
  expect(image).toEqual(near([0.7, 0.4, 0.3, 0.6]));
});

it('stays within the ball and in [0, 1]', () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  const image = fc.array(value, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(image, image, value, fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 4 }), (x, start, radius, l2, sparse, steps) => {
      const flags = { radii: [radius], isL2: [l2 ? 1 : 0], isSparse: [sparse ? 1 : 0], stepLengths: [1.25] };
      const [moved] = attack(rows([x], flags, [start]), steps) as [number[]];
      const changes = moved.map((level, i) => level - (x[i] as number));
      expect(l2 ? Math.hypot(...changes) : Math.max(...changes.map(Math.abs))).toBeLessThanOrEqual(radius + 1e-5);
      expect(moved.every((level) => level >= 0 && level <= 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('a goal is gone to, even where another class is nearer', () => {
  const outlier = { genuine: [0], goals: [1] };
  expect(attack(rows([[0.5, 0.1, 0.5, 0.1]], outlier))[0]).toEqual(near([0.3, 0.3, 0.3, 0.3]));
});

const shrinking = (attacked: Attacked, steps: number) =>
  tf
    .tidy(() => shrinkingAttack(encoder, attacked, { means, temperature: 0.1, steps, shrinkShare: 0.5 }))
    .arraySync()
    .map((image) => image.flat(2));

it('a ball that shrinks draws the start in from a larger one', () => {
  // Without steps in between: 0.4 from the image at first; the way there is halved at once.
  const still = { radii: [0.2], reaches: [2], stepLengths: [0] };
  expect(shrinking(rows([[0.5, 0.5, 0.5, 0.5]], still, [[0.5, 1, 0.5, 0.5]]), 2)[0]).toEqual(near([0.5, 0.7, 0.5, 0.5]));
  // z = (.5, .7); the gradient by z is -2 (.5, -.3) / .1 + .3 x 2 (-.5, .7) = (-10.3, 6.42). The only step is one after the ball has shrunk:
  // half of .5 x .2.
  const [x, y] = [(-10.3 * 0.05) / Math.hypot(10.3, 6.42, 10.3, 6.42), (6.42 * 0.05) / Math.hypot(10.3, 6.42, 10.3, 6.42)];
  const shrink = 0.2 / Math.hypot(x, 0.4 + y, x, y);
  const moved = [x, 0.4 + y, x, y].map((change) => 0.5 + change * shrink);
  const one = { radii: [0.2], reaches: [2], stepLengths: [0.5] };
  expect(shrinking(rows([[0.5, 0.5, 0.5, 0.5]], one, [[0.5, 1, 0.5, 0.5]]), 1)[0]).toEqual(near(moved));
});

it('the ball has its last radius in the end, wherever the start lies', () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  const image = fc.array(value, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(
      image,
      image,
      value,
      fc.double({ min: 1, max: 4, noNaN: true }),
      fc.integer({ min: 1, max: 4 }),
      (x, start, radius, reach, steps) => {
        const [moved] = shrinking(rows([x], { radii: [radius], reaches: [reach], stepLengths: [0.8] }, [start]), steps) as [number[]];
        expect(Math.hypot(...moved.map((level, i) => level - (x[i] as number)))).toBeLessThanOrEqual(radius + 1e-5);
        expect(moved.every((level) => level >= 0 && level <= 1)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});
