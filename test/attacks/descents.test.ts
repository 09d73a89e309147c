import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { carliniWagner } from '../../attacks/carlini-wagner.ts';
import { descend, type StepName } from '../../attacks/descent.ts';
import { minimumNorm } from '../../attacks/minimum-norm.ts';
import { narrowing } from '../../attacks/narrowing.ts';
import { runStages } from '../../attacks/relay.ts';
import { adamDirection, noMoments } from '../../attacks/steps/adam.ts';
import { distances, lengths, NORMS, projectToBall, withinRange } from '../../attacks/steps/projection.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { TO_CLASS_1, TWO_PIXELS, twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

const fromOutside = { origins: Float32Array.of(1, 0), starts: Float32Array.of(0, 1), targets: [1] };
const fromImage = { ...fromOutside, starts: Float32Array.of(1, 0) };

describe('minimum norm', () => {
  it.each(NORMS.flatMap((norm) => [[norm, 'outside', fromOutside] as const, [norm, 'the image', fromImage] as const]))(
    '%s from %s finds the nearest point of the other disc',
    (norm, _, rows) => {
      const { images, radii } = minimumNorm(twoPixels(), rows, { norm, steps: 120, objective: 'hinges' });
      expect(radii[0]).toBeGreaterThan(TO_CLASS_1[norm] - 1e-3);
      expect(radii[0]).toBeLessThan(TO_CLASS_1[norm] * 1.02);
      expect(distances(images, rows.origins, TWO_PIXELS, norm)[0]).toBeCloseTo(radii[0] as number, 5);
    },
  );

  it('in l2 moves the values that matter, however many others the gradient has', () => {
    // u = x_0 + .05 (x_1 + ... + x_9) and z = (1 - u, u): accepted as class 1 from u = 1 - sqrt(.125) on.
    const dense = tf.layers.dense({ units: 2 });
    const encoder = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [1, 10, 1] }), dense] });
    dense.setWeights([tf.tensor2d(Array.from({ length: 10 }, (_, i) => (i === 0 ? [-1, 1] : [-0.05, 0.05]))), tf.tensor1d([1, 0])]);
    const decoder = tf.sequential({
      layers: [tf.layers.dense({ units: 10, inputShape: [2] }), tf.layers.reshape({ targetShape: [1, 10, 1] })],
    });
    const thresholds = { maxLatentDistance: [0.25, 0.25], maxReconstructionError: [1000, 1000] };
    const model = twoPixels({ encoder, decoder, thresholds, input: { height: 1, width: 10, channels: 1 } });
    const rows = { origins: new Float32Array(10), starts: new Float32Array(10).fill(1), targets: [1] };
    const least = (1 - Math.sqrt(0.125)) / Math.hypot(1, 3 * 0.05);
    const { radii } = minimumNorm(model, rows, { norm: 'l2', steps: 30, objective: 'hinges' });
    expect(radii[0]).toBeGreaterThan(least - 1e-3);
    expect(radii[0]).toBeLessThan(1.1 * least);
  });

  it('says that there is none, and gives the start', () => {
    const impossible = twoPixels({ thresholds: { maxLatentDistance: [0.25, 1e-9], maxReconstructionError: [1, 1] } });
    const nowhere = { ...fromImage, starts: Float32Array.of(1, 0) };
    const { radii } = minimumNorm(impossible, nowhere, { norm: 'l2', steps: 3, objective: 'dominant' });
    expect(radii).toEqual([Number.POSITIVE_INFINITY]);
  });
});

it('Carlini and Wagner find it too', () => {
  const rows = { origins: Float32Array.of(0.9, 0.1), starts: Float32Array.of(0.9, 0.1), targets: [1] };
  const { radii } = carliniWagner(twoPixels(), rows, { steps: 120, searches: 7 });
  const least = 0.9 * Math.SQRT2 - 0.5;
  expect(radii[0]).toBeGreaterThan(least - 1e-3);
  expect(radii[0]).toBeLessThan(least * 1.05);
});

it('a direction keeps what does not leave [0, 1] at once', () => {
  const shape: [number, number, number, number] = [1, 1, 6, 1];
  const images = tf.tensor4d([0, 0, 0.5, 0.5, 1, 1], shape);
  expect([...withinRange(tf.tensor4d([-1, 2, -3, 4, -5, 6], shape), images).dataSync()]).toEqual([0, 2, -3, 4, -5, 0]);
});

it("Adam's direction in l2 has length 1 over the values that can move", () => {
  const [images, gradients] = [tf.tensor4d([0, 0.5], [1, 1, 2, 1]), tf.tensor4d([3, 1], [1, 1, 2, 1])];
  const { direction } = adamDirection(gradients, images, noMoments(images), 'l2');
  expect([...direction.dataSync()]).toEqual([0, expect.closeTo(1, 5)]);
});

describe.each(['adam', 'apgd'] as StepName[])('descent by %s', (step) => {
  it.each(NORMS)('%s finds what lies within the ball, and nothing where nothing does', (norm) => {
    const options = { steps: 60, objective: 'hinges', step } as const;
    for (const rows of [fromImage, fromOutside]) {
      expect(descend(twoPixels(), rows, { norm, radius: TO_CLASS_1[norm] * 1.05 }, options).found).toEqual([true]);
      expect(descend(twoPixels(), rows, { norm, radius: TO_CLASS_1[norm] * 0.97 }, options).found).toEqual([false]);
    }
  });

  it('rows of one group stop together, others go on; the losses that it tells never rise', () => {
    const rows = {
      origins: Float32Array.of(1, 0, 1, 0, 1, 0),
      starts: Float32Array.of(1, 0, 0, 1, 0.9, 0.1),
      targets: [1, 1, 1],
      groups: [7, 7, 8],
    };
    const { found, losses } = descend(twoPixels(), rows, { norm: 'linf', radius: 1 }, { steps: 40, objective: 'log-sum-exp', step });
    // The second begins accepted; the first, of its group, is not looked at any more.
    expect(found).toEqual([false, true, true]);
    for (const [row, start] of losses.start.entries()) {
      expect(losses.half[row]).toBeLessThanOrEqual(start);
      expect(losses.end[row]).toBeLessThanOrEqual(losses.half[row] as number);
    }
    expect(losses.end[2]).toBeLessThan(losses.start[2] as number);
  });
});

describe('relay', () => {
  const rows = {
    origins: Float32Array.of(1, 0, 1, 0, 1, 0),
    starts: Float32Array.of(1, 0, 0.9, 0.1, 0, 1),
    ...{ targets: [1, 1, 1], truths: [0, 0, 0], groups: [7, 7, 8] },
  };
  const budget = { norm: 'linf', radius: 1 } as const;

  it('goes on, of each group that is not broken yet, with the row that came nearest', () => {
    const stages = [
      { step: 'apgd', objective: 'dlr', steps: 0, rows: 2 },
      { step: 'adam', objective: 'hinges', steps: 40, rows: 1 },
    ] as const;
    const { images, found } = runStages(twoPixels(), rows, budget, stages);
    expect(found).toEqual([false, true, true]);
    // The first and the last are as they began: the one was too far off, the other accepted at once.
    expect([...images.slice(0, 2), ...images.slice(4)]).toEqual([1, 0, 0, 1]);
    expect(distances(images.slice(2, 4), Float32Array.of(0, 1), TWO_PIXELS, 'l2')[0]).toBeLessThan(0.5);
  });

  it('leaves a row that no stage took up at its origin', () => {
    const stage = { step: 'adam', objective: 'hinges', steps: 0, rows: 1 } as const;
    const two = { ...rows, groups: [7, 8, 8], starts: Float32Array.of(1, 0, 0.9, 0.1, 0, 1) };
    const { images, found } = runStages(twoPixels(), two, budget, [stage]);
    expect([...images.slice(4)]).toEqual([1, 0]);
    expect(found).toEqual([false, false, false]);
  });

  it('finds nothing where nothing lies within the ball', () => {
    const within = { norm: 'linf', radius: TO_CLASS_1.linf * 0.97 } as const;
    expect(runStages(twoPixels(), rows, within).found).toEqual([false, false, false]);
  });
});

describe('narrowing', () => {
  const other = { image: Float32Array.of(0, 1), distance: Math.SQRT2 };
  const attack = (radii: number[], start = other) =>
    narrowing({ norm: 'linf', radii }).run(
      twoPixels({ startingPoints: async (_, label) => (label === 1 ? [start] : []) }),
      ...[Float32Array.of(1, 0, 0.9, 0.1), [0, 0], 0, [1, 2]],
    );
  const sizes = (images: Float32Array) => distances(images, Float32Array.of(1, 0, 0.9, 0.1), TWO_PIXELS, 'linf');

  it('stops at the last radius that holds an image of the other disc, for each image', async () => {
    // From (1, 0) the disc is .646 away, from (.9, .1) .546.
    const { images, of, targets } = await attack([0.9, 0.7, 0.6, 0.5]);
    expect([of, targets]).toEqual([
      [0, 1],
      [1, 1],
    ]);
    const [first, second] = sizes(images) as [number, number];
    expect(first).toBeGreaterThan(TO_CLASS_1.linf);
    expect(first).toBeLessThanOrEqual(0.7 + 1e-6);
    expect(second).toBeGreaterThan(TO_CLASS_1.linf - 0.1);
    expect(second).toBeLessThanOrEqual(0.6 + 1e-6);
  });

  it('goes no further where the first radius holds none, and leaves images alone that it has no start for', async () => {
    const { images } = await attack([0.5, 0.4]);
    for (const size of sizes(images)) expect(size).toBeLessThanOrEqual(0.5 + 1e-6);
    const nothing = narrowing({ norm: 'linf', radii: [0.9, 0.7] });
    expect(await nothing.run(twoPixels(), Float32Array.of(1, 0), [0], 0, [1])).toEqual({ images: new Float32Array(), of: [], targets: [] });
  });
});

it('targeted DLR needs the true classes', () => {
  const options = { steps: 1, objective: 'dlr', step: 'apgd' } as const;
  expect(() => descend(twoPixels(), fromImage, { norm: 'l2', radius: 1 }, options)).toThrow(/true class/);
});

it('never leaves the ball or [0, 1], whatever the start, the radius and the objective', () => {
  const pixel = fc.float({ min: 0, max: 1, noNaN: true });
  const objectives = ['hinges', 'log-sum-exp', 'dominant', 'dlr', 'features', 'orthogonal'] as const;
  const property = fc.property(
    fc.tuple(pixel, pixel, pixel, pixel),
    fc.constantFrom(...NORMS),
    fc.double({ min: 0.01, max: 1.5, noNaN: true }),
    fc.constantFrom(...objectives),
    fc.constantFrom<StepName>('adam', 'apgd'),
    ([a, b, c, d], norm, eps, objective, step) => {
      const rows = { origins: Float32Array.of(a, b), starts: Float32Array.of(c, d), targets: [1], truths: [0] };
      const { images } = descend(twoPixels(), rows, { norm, radius: eps }, { steps: 5, objective, step });
      expect(distances(images, rows.origins, TWO_PIXELS, norm)[0]).toBeLessThanOrEqual(eps + 1e-5);
      for (const value of images) expect(value >= 0 && value <= 1).toBe(true);
    },
  );
  fc.assert(property, { numRuns: 30 });
});

it('an image does not depend on those it is attacked with', () => {
  const alone = descend(twoPixels(), fromImage, { norm: 'l2', radius: 0.7 }, { steps: 12, objective: 'hinges', step: 'apgd' });
  const withAnother = {
    origins: Float32Array.of(0.2, 0.2, 1, 0),
    starts: Float32Array.of(0.4, 0.1, 1, 0),
    targets: [0, 1],
  };
  const both = descend(twoPixels(), withAnother, { norm: 'l2', radius: 0.7 }, { steps: 12, objective: 'hinges', step: 'apgd' });
  expect([...both.images.slice(2)]).toEqual([...alone.images]);
});

it('projections keep what is inside and bring back what is not', () => {
  const centre = tf.tensor4d([0.5, 0.5], [1, 1, 2, 1]);
  const at = (x: number, y: number) => tf.tensor4d([x, y], [1, 1, 2, 1]);
  expect([...projectToBall(at(0.55, 0.45), centre, 'linf', 0.1).dataSync()].map((v) => +v.toFixed(4))).toEqual([0.55, 0.45]);
  expect([...projectToBall(at(0.9, 0.45), centre, 'linf', 0.1).dataSync()].map((v) => +v.toFixed(4))).toEqual([0.6, 0.45]);
  expect([...projectToBall(at(0.8, 0.9), centre, 'l2', 0.25).dataSync()].map((v) => +v.toFixed(4))).toEqual([0.65, 0.7]);
  expect([...projectToBall(at(1.4, 0.5), centre, 'linf', 2).dataSync()]).toEqual([1, 0.5]);
});

describe('the l0 ball', () => {
  const project = (values: number[], radii: number[]) => {
    const [wanted, grey] = [values, new Float32Array(8).fill(0.5)].map((all) => tf.tensor4d(all, [2, 2, 2, 1]));
    return [...projectToBall(wanted as tf.Tensor4D, grey as tf.Tensor4D, 'l0', tf.tensor4d(radii, [2, 1, 1, 1])).dataSync()];
  };

  it('keeps the pixels that bring the image nearest to where it should go, each image its own number', () => {
    // The first row: 2.5 (.5 of 2 remains: worth 2 - .25) before -.25 (.5625) before .9 (.16); the second row may change none and two.
    const wanted = [0.75, 2.5, -0.25, 0.9, 0.75, 2.5, -0.25, 0.9].map(Math.fround);
    expect(project(wanted, [2.9, 0.5])).toEqual([0.5, 1, 0, 0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(project(wanted, [100, 1])).toEqual([0.75, 1, 0, Math.fround(0.9), 0.5, 1, 0.5, 0.5]);
  });

  it('takes no more pixels than it may, though several be worth as much', () => {
    expect(project([1, 1, 1, 1, 0, 0, 0, 0], [3, 1]).filter((value) => value !== 0.5)).toHaveLength(4);
  });

  it('counts a pixel once, whatever its channels do', () => {
    const [centre, moved] = [new Float32Array(12).fill(0.5), Float32Array.of(0.5, 0.4, 0.5, 0.5, 0.5, 0.5, 0, 1, 0, 0.5, 0.5, 0.6)];
    const colour = { height: 2, width: 2, channels: 3 };
    expect(distances(moved, centre, colour, 'l0')).toEqual([3]);
    const [a, b] = [moved, centre].map((values) => tf.tensor4d(values, [1, 2, 2, 3])) as [tf.Tensor4D, tf.Tensor4D];
    expect([...lengths(a.sub(b) as tf.Tensor4D, 'l0').dataSync()]).toEqual([3]);
    const one = projectToBall(a, b, 'l0', 1).dataSync() as Float32Array;
    expect([...one]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 1, 0, 0.5, 0.5, 0.5]);
  });
});
