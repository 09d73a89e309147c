import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import { securityCurves } from '../../evaluate/figures/perturbations.ts';
import { worstOf } from '../../evaluate/figures/worst.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import { blackBox, broken, clean, described, KEY, made, nearest, RADII, result } from './made-results.ts';

const worst = (jobs: JobResult[]) => worstOf(measuredParts(jobs, KEY), RADII);
const counts = (found: ReturnType<typeof worst>[number] | undefined) =>
  found?.at.map(({ radius, broken: { count, of } }) => `${radius}: ${count}/${of}`);

describe('worst', () => {
  it('is the union per image, and an image broken at a radius is broken above it', () => {
    const fixed = [...[made(0, 'right'), made(1, 'right'), made(2, 'wrong', { radius: 0.08 }), made(3, 'right'), made(4, 'rejected')]].map(
      (outcome) => ({ ...outcome, attack: 'PGD', eps: 0.1 }),
    );
    const [found, ...others] = worst([
      nearest('outside', [0.04, 0.15, 0.25, null, null]),
      result('PGD, linf 0.1', fixed),
      clean([made(0, 'right'), made(3, 'wrong', { norm: null }), made(4, 'rejected', { norm: null })]),
    ]);
    expect(others).toEqual([]);
    // Image 3 is wrong as it is; 4 is rejected as it is.
    expect(counts(found)).toEqual(['0.05: 2/5', '0.1: 3/5', '0.2: 4/5', '0.3: 4/5']);
    expect(found?.at.map(({ withstood, rejectedClean }) => [withstood, rejectedClean])).toEqual([
      [2, 1],
      [1, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(found?.attacks.map(({ attack, tried, nearest: first, radii }) => [attack, tried, first, radii])).toEqual([
      ['outside, linf', 5, 2, []],
      ['PGD', 5, 1, [0.1]],
    ]);
  });

  it('is of the images that all were tried on that look for the nearest; others add to it', () => {
    const few = blackBox(nearest('Square', [0.01, null]));
    const [found] = worst([nearest('outside', [null, null, 0.05, 0.2]), few, broken('FGSM', 0.1, 100), broken('FGSM', 0.2, 0)]);
    // Of the four; FGSM broke them all, but at .1.
    expect(counts(found)).toEqual(['0.05: 2/4', '0.1: 4/4', '0.2: 4/4', '0.3: 4/4']);
    const square = found?.attacks.find(({ attack }) => attack.startsWith('Square'));
    expect([square?.tried, square?.nearest]).toEqual([2, 1]);
  });

  it('of attacks without gradients alone is of all their images, of which few were also attacked through HTTP', () => {
    const [found] = worst([
      blackBox(nearest('HopSkipJump', [0.05, 0.2, null, null])),
      described(blackBox(nearest('HopSkipJump, through HTTP', [0.04, 0.08])), {}, { endpoint: true }),
      blackBox(broken('Square', 0.1, 0, 4)),
    ]);
    expect(counts(found)).toEqual(['0.05: 1/4', '0.1: 2/4', '0.2: 2/4', '0.3: 2/4']);
  });

  it('tells one attack at several radii in a row, whatever its steps are', () => {
    const at = (eps: number, steps: string, cost = 40) => ({
      ...described(broken('PGD', eps, 1), { cost }),
      about: `${cost} steps of ${steps}`,
    });
    const [found] = worst([at(0.1, '0.010'), at(0.2, '0.020'), at(0.3, '0.01', 80)]);
    expect(found?.attacks.map(({ about, radii }) => `${about}, ${radii}`)).toEqual([
      'at 0.1: 40 steps of 0.010, 0.1,0.2',
      '80 steps of 0.01, 0.3',
    ]);
  });

  it('takes what an attack without bounds ends with for no nearest image', () => {
    // As of Eq. 10: several targets an image, the change told of what is rejected too.
    const tries = [0, 1, 2].flatMap((image) => [
      made(image, 'wrong', { attack: 'Eq. 10', norm: 'l2', target: 3, radius: 0.4 }),
      made(image, 'rejected', { attack: 'Eq. 10', norm: 'l2', target: 4, radius: 3 }),
    ]);
    const jobs = [nearest('outside', [null, 0.9], 'l2'), described(result('Eq. 10, each target', tries), { kind: 'unconstrained' })];
    expect(counts(worst(jobs)[0])).toEqual(['0.5: 2/2', '1: 2/2', '1.5: 2/2', '2: 2/2']);
    expect(securityCurves(measuredParts(jobs, KEY), RADII).map(({ part }) => part)).toEqual(['outside, l2']);
  });

  it('unites protocols where the same numbers are the same images', () => {
    const other = { ...blackBox(nearest('Square', [null, 0.1])), protocol: 'blackbox' };
    const names = (jobs: JobResult[]) => worst(jobs).map(({ name, norm, at }) => [name, norm, at[1]?.broken.count]);
    expect(names([nearest('outside', [0.1, null]), other])).toEqual([
      ['all attacks', 'linf', 2],
      ['adaptive', 'linf', 1],
      ['blackbox', 'linf', 1],
    ]);
    const elsewhere = { ...other, outcomes: other.outcomes.map((outcome) => ({ ...outcome, truth: 5 })) };
    expect(names([nearest('outside', [0.1, null]), elsewhere]).map(([name]) => name)).toEqual(['adaptive', 'blackbox']);
  });

  it('never falls with the radius, and never with another attack', () => {
    const radius = fc.option(fc.double({ min: 0, max: 0.5, noNaN: true }));
    const attacks = fc.integer({ min: 1, max: 12 }).chain((images) =>
      fc.record({
        min: fc.array(fc.array(radius, { minLength: images, maxLength: images }), { minLength: 1, maxLength: 3 }),
        fixed: fc.array(fc.tuple(fc.constantFrom(0.05, 0.1, 0.15, 0.3), fc.integer({ min: 0, max: images })), { maxLength: 3 }),
        images: fc.constant(images),
      }),
    );
    fc.assert(
      fc.property(attacks, ({ min, fixed, images }) => {
        const jobs = [
          ...min.map((radii, i) => nearest(`outside ${i}`, radii)),
          ...fixed.map(([eps, count], i) => broken(`PGD ${i}`, eps, count, images)),
        ];
        let before = [0, 0, 0, 0];
        for (let tried = 1; tried <= jobs.length; tried++) {
          const [found] = worst(jobs.slice(0, tried));
          const { at = [], curve } = found ?? {};
          const now = at.map(({ broken: { count } }) => count);
          for (const line of [now, curve?.broken ?? []]) expect(line).toEqual(line.toSorted((a, b) => a - b));
          for (const [i, count] of now.entries()) expect(count).toBeGreaterThanOrEqual(before[i] as number);
          for (const { broken: own, withstood, rejectedClean } of at) expect(own.count + withstood + rejectedClean).toBe(images);
          before = now;
        }
      }),
    );
  });
});
