import { describe, expect, it } from 'vitest';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import { gradientChecks, sanityOf } from '../../evaluate/figures/sanity.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import { gradientCheckSchema } from '../../evaluate/measure/outcome.ts';
import { sanityLines } from '../../evaluate/report/tables.ts';
import { blackBox, broken, described, KEY, nearest, RADII } from './made-results.ts';

const sanity = (jobs: JobResult[]) => sanityOf(measuredParts(jobs, KEY), null, RADII);
const check = (jobs: JobResult[], name: string | RegExp) => {
  const found = sanity(jobs).filter((own) => own.name.match(name));
  expect(found).toHaveLength(1);
  return found[0] as (typeof found)[number];
};
const LARGER = /larger radius never finds less/;

describe('a curve that falls', () => {
  it('marks its attack as failed at that radius, and the report stays', () => {
    const fallen = check([broken('PGD', 0.1, 30), broken('PGD', 0.2, 50), broken('PGD', 0.3, 47)], LARGER);
    expect(fallen).toMatchObject({ passed: false, of: 'attack', name: 'a larger radius never finds less: PGD, linf (adaptive)' });
    expect(fallen.detail).toBe('FAILED at radius 0.3 (of 100 images, 3 broken at radius 0.2 are not broken and 0 others are)');
  });

  it('is caught against any smaller radius, not the next one alone', () => {
    const falling = [0.05, 0.1, 0.2, 0.3].map((eps, i) => broken('PGD', eps, 50 - 2 * i));
    expect(check(falling, LARGER).detail).toMatch(/^FAILED at radius 0.2 .*; radius 0.3 \(of 100 images, 6 broken at radius 0.05/);
  });

  it('is let pass by up to 2 of 100 images, as chance is, and by one of few', () => {
    expect(check([broken('PGD', 0.1, 50), broken('PGD', 0.2, 48)], LARGER).passed).toBe(true);
    expect(check([broken('PGD', 0.1, 5, 10), broken('PGD', 0.2, 4, 10)], LARGER).passed).toBe(true);
    expect(check([broken('PGD', 0.1, 5, 10), broken('PGD', 0.2, 3, 10)], LARGER).passed).toBe(false);
    // 15 of 1000 are less than 2 of 100, but all one way.
    expect(check([broken('PGD', 0.1, 500, 1000), broken('PGD', 0.2, 485, 1000)], LARGER).passed).toBe(false);
    expect(check([broken('PGD', 0.1, 500, 1000), broken('PGD', 0.2, 495, 1000)], LARGER).passed).toBe(true);
  });
});

describe('the checks of a report', () => {
  const within = (jobs: JobResult[], name: string) => check(jobs, name).passed;

  it('want all images measured, and an attack that cannot fall', () => {
    expect(within([broken('PGD', 0.1, 3)], 'every image was')).toBe(true);
    expect(check([{ ...broken('PGD', 0.1, 3), images: 120 }], 'every image was')).toMatchObject({
      passed: false,
      detail: /20 of 120 are missing/,
    });
    expect(within([broken('PGD', 0.1, 3)], 'nearest misclassified image, linf')).toBeNull();
    expect(within([nearest('outside', [0.1])], 'nearest misclassified image, linf')).toBe(true);
  });

  it('are printed with the worst last', () => {
    const lines = sanityLines(sanity([broken('PGD', 0.1, 30), { ...broken('PGD', 0.2, 5), images: 120 }]));
    expect(lines.at(-1)).toBe('FAILED        every image was measured: PGD, linf 0.2 (adaptive): 20 of 120 are missing');
    expect(lines.at(-2)).toMatch(/^attack failed a larger radius never finds less: PGD/);
    expect(lines[0]).toMatch(/^not run /);
  });

  it('want an attack without a limit to break 99 of 100 images', () => {
    const unbounded = (count: number) => [described(broken('PGD from outside', 1, count), {}, { unbounded: true })];
    expect(within(unbounded(99), 'without a limit')).toBe(true);
    expect(within(unbounded(98), 'without a limit')).toBe(false);
    expect(check([broken('PGD', 0.1, 3)], 'without a limit')).toMatchObject({ passed: null, detail: 'not run' });
  });

  it('want white-box attacks to find what black-box ones do, at each radius, on the same images', () => {
    const white = nearest('outside', [0.1, 0.1, 0.2, null]);
    const name = 'black-box and transfer, linf';
    expect(within([white], name)).toBeNull();
    expect(within([white, blackBox(nearest('Square', [0.1, 0.1, 0.25]))], name)).toBe(true);
    // One that is broken by Square alone, where white-box attacks break another: as many, and reported.
    expect(check([white, blackBox(nearest('Square', [null, 0.1, null, 0.2]))], name)).toMatchObject({
      passed: true,
      detail: /alone: 1 images/,
    });
    expect(check([white, blackBox(nearest('HopSkipJump', [0.04]))], name)).toMatchObject({
      passed: false,
      detail: /HopSkipJump, linf breaks 1 of 1 images within 0.05, all white-box attacks 0/,
    });
    expect(within([white, described(broken('transfer, another seed', 0.2, 4, 4), { knowledge: 'transfer' })], name)).toBe(false);
    // Images that only a weak white-box attack was tried on say nothing.
    expect(within([white, broken('FGSM', 0.2, 0), blackBox(broken('Square', 0.2, 3, 10))], name)).toBe(true);
  });

  it('want more steps to find no less, and say where they find more', () => {
    const twice = (job: JobResult) => ({
      ...described(job, {}, { twiceTheStepsOf: job.part }),
      part: `${job.part}, twice the steps`,
    });
    const steps = (once: number, more: number) =>
      sanity([broken('PGD', 0.1, once), twice(broken('PGD', 0.1, more))])
        .filter(({ name }) => /steps/.test(name))
        .map(({ passed }) => passed);
    expect(steps(50, 50)).toEqual([true, true]);
    expect(steps(50, 45)).toEqual([false, true]);
    expect(steps(50, 55)).toEqual([true, false]);
    const radii = Array.from({ length: 20 }, () => 0.1);
    const worse = sanity([nearest('outside', radii), twice(nearest('outside', radii.with(0, 0.4).with(1, 0.4)))]);
    expect(worse.find(({ name }) => /more steps/.test(name))?.passed).toBe(false);
  });

  it('want gradients that say where to go, and losses at their end', () => {
    const record = (image: number, more = {}) => ({
      image,
      finite: true,
      nonZero: true,
      lossStart: 3,
      lossAtHalf: 0.6,
      lossEnd: 0.5,
      ...more,
    });
    const of = (more: (image: number) => object) =>
      gradientChecks(Array.from({ length: 100 }, (_, image) => record(image, more(image)))).map(({ passed }) => passed);
    expect(gradientCheckSchema.safeParse(JSON.parse(JSON.stringify(record(0, { lossEnd: Number.NaN })))).success).toBe(true);
    expect(gradientChecks(null).map(({ passed }) => passed)).toEqual([null, null]);
    expect(of(() => ({}))).toEqual([true, true]);
    expect(of((image) => ({ nonZero: image !== 0 }))).toEqual([true, true]);
    expect(of((image) => ({ nonZero: image > 1 }))).toEqual([false, true]);
    expect(of((image) => ({ finite: image > 1 }))).toEqual([false, true]);
    expect(of((image) => (image < 11 ? { lossAtHalf: 1 } : {}))).toEqual([true, false]);
    // As a loss that is no number comes out of a job's file.
    expect(of((image) => (image < 11 ? JSON.parse(JSON.stringify({ lossStart: Number.NaN, lossEnd: Number.NaN })) : {}))).toEqual([
      true,
      false,
    ]);
    // What has its goal may go on.
    expect(of(() => ({ lossAtHalf: 1, lossEnd: -0.1 }))).toEqual([true, true]);
    expect(gradientChecks([record(0, { nonZero: false })])[0]?.detail).toMatch(/MASKED GRADIENT/);
  });
});
