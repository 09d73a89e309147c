import type { ScreenResult } from '../../library/results.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

/** A score this near to its threshold, as a share of that, may fall on either side of it: sums of float32 differ between processors. */
const NEAR = 1e-3;

/** A verdict as the worker answers it. */
export interface PlainVerdict {
  verdict: string;
  label?: string;
}

/** Compares verdicts, in order. @returns what differs, and how many differ only because a score is next to its threshold */
export function compareVerdicts(actual: readonly ScreenResult[], expected: readonly PlainVerdict[], { thresholds }: Screening) {
  const [different, near]: [string[], number[]] = [[], []];
  const isNear = (result: ScreenResult): boolean => {
    if (result.verdict === 'unreadable') return false;
    const { label, ...scores } = result.scores as { label: number } & Record<string, unknown>;
    return Object.entries(thresholds).some(([name, limits]) => {
      const [score, limit] = [scores[name], (limits as number[])[label]];
      return typeof score === 'number' && limit !== undefined && Math.abs(score - limit) <= NEAR * limit;
    });
  };
  for (const [i, { verdict, label }] of expected.entries()) {
    const result = actual[i] as ScreenResult;
    const own = 'label' in result ? result.label : undefined;
    if (result.verdict === verdict && own === label) continue;
    if (isNear(result)) near.push(i);
    else different.push(`image ${i}: ${result.verdict} ${own ?? ''}, not ${verdict} ${label ?? ''}`);
  }
  if (actual.length !== expected.length) different.push(`${actual.length} verdicts, not ${expected.length}`);
  return { different, near };
}
