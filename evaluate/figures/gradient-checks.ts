import { z } from 'zod';
import { rate } from './rate.ts';
import type { Check } from './report-schema.ts';

/** JSON has no NaN: a job's file with one would be taken for damaged, again and again. */
const loss = z.number().nullable();

/** What an attack saw on one image: at its start, half-way and at its end. */
export const gradientCheckSchema = z.strictObject({
  image: z.int().nonnegative(),
  /** all values of the first gradient are finite */
  finite: z.boolean(),
  /** any of them is not 0 */
  nonZero: z.boolean(),
  /** of the joint decision, log(score / threshold) or a sum of such: at most 0 is what the attack wants; null where it was no number */
  lossStart: loss,
  lossAtHalf: loss,
  lossEnd: loss,
});

export type GradientCheck = z.infer<typeof gradientCheckSchema>;

/** Of the images whose gradient has to be of use. */
const LEAST = 0.99;
/** Of the images whose descent has to be at its end; of all it descends, at most so much in its second half. */
const LEAST_CONVERGED = 0.9;
const MOST_LATE = 0.1;

/** Whether gradients say where to go, and whether descents had gone there; not run without records. */
export function gradientChecks(records: readonly GradientCheck[] | null): Check[] {
  const names = ['gradients are finite and not zero', 'losses have converged'] as const;
  if (!records || records.length === 0)
    return names.map((name) => ({ name, of: 'report' as const, passed: null, detail: 'not run: no gradients were recorded' }));
  const useful = records.filter(({ finite, nonZero }) => finite && nonZero).length;
  const masked = records.filter(({ nonZero }) => !nonZero).length;
  const infinite = records.filter(({ finite }) => !finite).length;
  const converged = records.filter(isConverged).length;
  const { low, high } = rate(useful, records.length);
  const shares = `95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
  const passed = useful >= LEAST * records.length;
  return [
    {
      ...{ name: names[0], of: 'report', passed },
      detail: `${useful} of ${records.length} images (${shares}); ${masked} zero, ${infinite} not finite${
        passed ? '' : '. MASKED GRADIENT: what attacks by these gradients do not find there proves nothing'
      }`,
    },
    {
      ...{ name: names[1], of: 'report', passed: converged >= LEAST_CONVERGED * records.length },
      detail: `${converged} of ${records.length} images are at their goal, or descend less than ${100 * MOST_LATE} % of all in the second half of the steps; ${100 * LEAST_CONVERGED} % must`,
    },
  ];
}

function isConverged({ lossStart, lossAtHalf, lossEnd }: GradientCheck): boolean {
  if (lossStart === null || lossAtHalf === null || lossEnd === null) return false;
  return lossEnd <= 0 || lossAtHalf - lossEnd <= MOST_LATE * (lossStart - lossEnd);
}
