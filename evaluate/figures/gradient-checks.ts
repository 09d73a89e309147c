import { rate } from '../../shared/rate.ts';
import type { GradientCheck } from '../measure/outcome.ts';
import type { Check } from './report-schema.ts';

/** Share of the images whose gradient must be usable. */
const LEAST_USABLE = 0.99;
/** Share of the images on which the attack must have converged: it succeeded, or little of its descent came in the second half. */
const LEAST_CONVERGED = 0.9;
const MOST_LATE_DESCENT = 0.1;

/** Checks that gradients point somewhere and that attacks ran long enough. Without records neither check is run. */
export function gradientChecks(records: readonly GradientCheck[] | null): Check[] {
  const [usable, converged] = ['gradients are finite and not zero', 'the attack has converged'] as const;
  if (!records || records.length === 0)
    return [usable, converged].map((name) => ({ name, of: 'report', passed: null, detail: 'not run: no gradients were recorded' }));
  const count = (holds: (record: GradientCheck) => boolean) => records.filter(holds).length;
  const {
    count: useful,
    low,
    high,
  } = rate(
    count(({ finite, nonZero }) => finite && nonZero),
    records.length,
  );
  const passed = useful >= LEAST_USABLE * records.length;
  const ended = count(hasConverged);
  return [
    {
      ...{ name: usable, of: 'report', passed },
      detail:
        `${useful} of ${records.length} images (95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %); ` +
        `${count(({ nonZero }) => !nonZero)} zero, ${count(({ finite }) => !finite)} not finite` +
        (passed ? '' : '. MASKED GRADIENT: what attacks by these gradients do not find proves nothing'),
    },
    {
      ...{ name: converged, of: 'report', passed: ended >= LEAST_CONVERGED * records.length },
      detail:
        `on ${ended} of ${records.length} images it succeeds, or descends less than ${100 * MOST_LATE_DESCENT} % of the way in the ` +
        `second half of its steps; at least ${100 * LEAST_CONVERGED} % are required`,
    },
  ];
}

function hasConverged({ lossStart, lossAtHalf, lossEnd }: GradientCheck): boolean {
  if (lossStart === null || lossAtHalf === null || lossEnd === null) return false;
  return lossEnd <= 0 || lossAtHalf - lossEnd <= MOST_LATE_DESCENT * (lossStart - lossEnd);
}
