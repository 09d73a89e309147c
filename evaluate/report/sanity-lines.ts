import type { Check } from '../figures/report-schema.ts';

/** The checks as a terminal shows them, those that failed last and loudest. */
export function sanityLines(checks: readonly Check[]): string[] {
  const place = ({ passed, of }: Check) => (passed === false ? (of === 'report' ? 3 : 2) : passed === null ? 1 : 0);
  const word = ({ passed, of }: Check) => (passed === null ? 'not run' : passed ? 'passed' : of === 'report' ? 'FAILED' : 'attack failed');
  return checks.toSorted((a, b) => place(a) - place(b)).map((check) => `${word(check).padEnd(13)} ${check.name}: ${check.detail}`);
}
