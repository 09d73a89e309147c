import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Oracle } from '../../attacks/attack.ts';
import { boundarySearch } from '../../attacks/hop-skip-jump.ts';
import { limited, type QueriedImage } from '../../attacks/oracle.ts';
import { pointwiseSearch } from '../../attacks/pointwise.ts';
import { sparseSearch } from '../../attacks/sparse-rs.ts';
import { squareSearch } from '../../attacks/square.ts';
import { l2Moves, linfMoves } from '../../attacks/square-moves.ts';
import { distances, type Norm } from '../../attacks/steps/projection.ts';
import { randomFrom } from '../../shared/random.ts';

const SIZE = 36;
/** Class 1 where the mean is above .5, else 0; all are accepted whose values lie within one of the threshold. */
const BOUNDARY = 0.5;
const meanOf = (image: Float32Array) => image.reduce((sum, value) => sum + value, 0) / image.length;
const byMean: Oracle = async (images) =>
  Array.from({ length: images.length / SIZE }, (_, n) => {
    const mean = meanOf(images.subarray(n * SIZE, (n + 1) * SIZE));
    // Of class 0 the "distance" grows with the mean; of class 1 all pass.
    return { accepted: true, label: Number(mean > BOUNDARY), logRatios: [mean > BOUNDARY ? -1 : mean] };
  });
const attacked = (level: number, seed = 1): QueriedImage => ({
  ...{ image: new Float32Array(SIZE).fill(level), height: 6, width: 6, channels: 1, truth: 0, seed },
});
const far = (found: Float32Array | null, image: Float32Array, norm: Norm) =>
  distances(found as Float32Array, image, { height: 6, width: 6, channels: 1 }, norm)[0] as number;

describe('square', () => {
  it.each(['linf', 'l2'] as const)('crosses a known boundary within its %s ball, and only where the ball reaches it', async (norm) => {
    // The mean has to rise by .1: .1 in each value, or .1 * 6 in length.
    const reach = norm === 'linf' ? 0.1 : 0.6;
    const found = await squareSearch(byMean, attacked(0.4), { norm, radius: reach * 2.5 }, 500);
    expect(meanOf(found.image as Float32Array)).toBeGreaterThan(BOUNDARY);
    expect(far(found.image, attacked(0.4).image, norm)).toBeLessThanOrEqual(reach * 2.5 + 1e-5);
    const short = await squareSearch(byMean, attacked(0.4), { norm, radius: reach * 0.9 }, 50);
    expect(short).toEqual({ image: null, queries: 50 });
  });

  it('stays within the ball and [0, 1] with every move', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (seed, eps, share) => {
          for (const norm of ['linf', 'l2'] as const) {
            const random = randomFrom(seed);
            const start = { ...attacked(0), image: Float32Array.from({ length: SIZE }, () => random.uniform()) };
            const moves = norm === 'linf' ? linfMoves(start, eps, random) : l2Moves(start, eps, random);
            let image = moves.first();
            for (let i = 0; i < 5; i++) {
              expect(far(image, start.image, norm)).toBeLessThanOrEqual(eps + 1e-5);
              expect(Math.min(...image)).toBeGreaterThanOrEqual(0);
              expect(Math.max(...image)).toBeLessThanOrEqual(1);
              image = moves.next(image, share);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('depends on the seed alone, and needs scores', async () => {
    const run = (seed: number) => squareSearch(byMean, attacked(0.4, seed), { norm: 'linf', radius: 0.3 }, 200);
    expect(await run(3)).toEqual(await run(3));
    const silent: Oracle = async (images) => (await byMean(images)).map((answer) => ({ ...answer, logRatios: null }));
    await expect(squareSearch(silent, attacked(0.4), { norm: 'linf', radius: 0.01 }, 5)).rejects.toThrow(/shows no scores/);
  });
});

describe('hopSkipJump', () => {
  it.each(['linf', 'l2'] as const)('comes near to the least distance to a known boundary in %s', async (norm) => {
    const start = Float32Array.from({ length: SIZE }, (_, i) => (i % 3 === 0 ? 0.6 : 1));
    const found = await boundarySearch(byMean, attacked(0.4), start, norm, 2000);
    const least = norm === 'linf' ? 0.1 : 0.6;
    expect(meanOf(found.image as Float32Array)).toBeGreaterThan(BOUNDARY);
    expect(far(found.image, attacked(0.4).image, norm)).toBeLessThan(least * 1.15);
    expect(far(start, attacked(0.4).image, norm)).toBeGreaterThan(least * 1.5);
  });

  it('never asks more than it may, whatever that is', async () => {
    const start = new Float32Array(SIZE).fill(0.9);
    for (const budget of [0, 1, 2, 7, 30, 150, 151]) {
      let asked = 0;
      const counting: Oracle = (images) => {
        asked += images.length / SIZE;
        return byMean(images);
      };
      const { queries } = await boundarySearch(counting, attacked(0.4), start, 'l2', budget);
      expect(asked).toBe(queries);
      expect(asked).toBeLessThanOrEqual(budget);
    }
  });

  it('finds nothing from a start that is not accepted as a wrong class', async () => {
    expect(await boundarySearch(byMean, attacked(0.4), attacked(0.3).image, 'linf', 100)).toEqual({ image: null, queries: 1 });
  });
});

describe('attacks on few pixels', () => {
  const white = new Float32Array(SIZE).fill(1);
  // From .4 to a mean above .5: six pixels by .6 each reach it exactly, and all but in float32.
  const least = 6;

  it('Sparse-RS crosses a known boundary with as many pixels as it may change, and not with fewer than it takes', async () => {
    const grey = Float32Array.from({ length: SIZE }, (_, i) => (i % 2 ? 0.5 : 0.45));
    const found = await sparseSearch(byMean, attacked(0.4), grey, least + 2, 500);
    expect(meanOf(found.image as Float32Array)).toBeGreaterThan(BOUNDARY);
    expect(far(found.image, attacked(0.4).image, 'l0')).toBeLessThanOrEqual(least + 2);
    expect(await sparseSearch(byMean, attacked(0.4), grey, least - 1, 50)).toEqual({ image: null, queries: 50 });
    expect(await sparseSearch(byMean, attacked(0.4), grey, least + 2, 500)).toEqual(found);
  });

  it('Pointwise resets all pixels but those that it takes, by verdicts alone and within its budget', async () => {
    const silent: Oracle = async (images) => (await byMean(images)).map((answer) => ({ ...answer, logRatios: null }));
    const { image, queries } = await pointwiseSearch(silent, attacked(0.4), white, 500);
    expect(meanOf(image as Float32Array)).toBeGreaterThan(BOUNDARY);
    expect(far(image, attacked(0.4).image, 'l0')).toBeLessThanOrEqual(least + 1);
    expect(queries).toBeLessThan(500);
    for (const budget of [0, 1, 2, 7]) expect((await pointwiseSearch(silent, attacked(0.4), white, budget)).queries).toBe(budget);
    expect(await pointwiseSearch(silent, attacked(0.4), attacked(0.3).image, 100)).toEqual({ image: null, queries: 1 });
  });
});

it('an oracle is not asked beyond its budget', async () => {
  const oracle = limited(byMean, SIZE, 2);
  await oracle.ask(new Float32Array(2 * SIZE));
  expect([oracle.queries(), oracle.left()]).toEqual([2, 0]);
  expect(() => oracle.ask(new Float32Array(SIZE))).toThrow(/3 queries; its budget is 2/);
});
