import { describe, expect, it } from 'vitest';
import { convergenceChecks, convergenceOf } from '../../evaluate/figures/convergence.ts';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import type { Report } from '../../evaluate/figures/report-schema.ts';
import { worstOf } from '../../evaluate/figures/worst.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import { radiiFor } from '../../evaluate/measure/radii.ts';
import { convergenceChart } from '../../evaluate/report/charts.ts';
import { figuresOf } from '../../evaluate/report/figures.ts';
import { convergenceTables } from '../../evaluate/report/tables.ts';
import { broken, clean, described, KEY, made, nearest, RADII } from './made-results.ts';

const swept = (job: JobResult, budget: number) => ({ ...described(job, {}, { budget }), protocol: 'convergence' });
const convergence = (jobs: JobResult[]) => convergenceOf(measuredParts(jobs, KEY), RADII);
const radii = (count: number, of = 40) => Array.from({ length: of }, (_, i) => (i < count ? 0.08 : null));

describe('a sweep over budgets', () => {
  it('counts for each budget what it or a smaller one breaks, and what is wrong as it is', () => {
    const zero = { ...clean([made(0, 'right'), made(3, 'wrong', { norm: null })]), protocol: 'convergence' };
    const [found, ...others] = convergence([
      swept(nearest('outside', [0.04, null, 0.15, null]), 1),
      swept(nearest('outside, x4', [null, 0.06, 0.09, null]), 4),
      zero,
    ]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ norm: 'linf', budgets: [1, 4], images: 4 });
    expect(found?.at.map(({ radius, broken: [once, more] }) => [radius, once?.count, more?.count])).toEqual([
      [0.05, 2, 2],
      [0.1, 2, 4],
      [0.2, 3, 4],
      [0.3, 3, 4],
    ]);
  });

  it('has converged where the largest budget stays within the interval of the smallest', () => {
    // Of 40 images 4 are broken: 95 % from 2.8 to 23.7 %, so 9 lie within and 10 do not.
    const checked = (more: number) =>
      convergenceChecks(convergence([swept(nearest('outside', radii(4)), 1), swept(nearest('outside, x4', radii(more)), 4)]))[0];
    expect(checked(9)).toMatchObject({ passed: true, of: 'report', name: 'x4 the gradients find no more than the interval allows, linf' });
    expect(checked(10)).toMatchObject({
      passed: false,
      detail: expect.stringContaining('within 0.1 4 of 40 (95 % interval 2.8 to 23.7 %), x4: 10 NOT CONVERGED'),
    });
  });

  it('is shown for each norm: a row for each radius, a line for each budget', async () => {
    const colour = radiiFor({ height: 32, width: 32, channels: 3 });
    const jobs = [swept(nearest('outside', [0.01, null]), 1), swept(nearest('outside, x4', [null, 0.03]), 4)];
    const report = { convergence: convergenceOf(measuredParts(jobs, KEY), colour) } as Report;
    const table = convergenceTables(report, figuresOf(report));
    expect(table).toContain('<span data-figure="convergence.0.at.0.radius">2/255</span>');
    expect(table).toMatch(/data-rate="convergence.0.at.2.broken.1">100.0 % <small>2 of 2/);
    const chart = await convergenceChart(report.convergence[0] as Report['convergence'][number]);
    expect(chart.match(/aria-label="radius, linf: [^"]*budget: x[14] the gradients"/g)?.length).toBeGreaterThanOrEqual(6);
  });

  it('is not of attacks at their usual budget', () => {
    expect(convergence([nearest('outside', radii(4)), broken('PGD', 0.1, 3)])).toEqual([]);
  });

  it('adds to the union of all attacks what it finds, and takes no image from it', () => {
    const jobs = [nearest('outside', [null, null, 0.2, null]), ...[1, 4].map((x) => swept(nearest(`outside, x${x}`, [0.04, null]), x))];
    const [all] = worstOf(measuredParts(jobs, KEY), RADII);
    expect([all?.name, all?.images, all?.at.map(({ broken: { count } }) => count)]).toEqual(['all attacks', 4, [1, 1, 2, 2]]);
  });
});
