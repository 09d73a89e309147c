import type { JobResult } from '../job.ts';
import { misclassified, not } from '../outcome.ts';
import { isClean } from './measured-parts.ts';
import type { OtherFigure } from './report-schema.ts';

/**
 * Clean test images of which the nearest mean is right, thresholds aside, in per cent: the first column of the paper's table 1.
 *
 * @param printed what the paper has there, null where it has nothing
 */
export function withoutThresholds(results: readonly JobResult[], printed: number | null): OtherFigure[] {
  const clean = Map.groupBy(
    results.filter(({ part }) => isClean({ name: part, norm: null })),
    ({ protocol }) => protocol,
  );
  return Array.from(clean, ([protocol, jobs]) => {
    const outcomes = jobs.flatMap((job) => job.outcomes);
    const right = outcomes.filter(not(misclassified)).length;
    return {
      ...{ protocol, name: 'right without thresholds, per cent of clean test images', paper: printed },
      value: (100 * right) / outcomes.length,
      about: `${right} of ${outcomes.length}`,
    };
  });
}
