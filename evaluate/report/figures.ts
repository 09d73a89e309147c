import type { Rate, Report } from '../figures/report-schema.ts';

/** Figures as HTML, each read from the report by its path and marked with it: the page can say no other. */
export interface Figures {
  /** `85.0 % 17 of 20, 62.1 to 96.8 %`: of the rate at the path */
  rate(path: string): string;
  /** @param digits after the point; as it is where absent */
  number(path: string, digits?: number): string;
}

export function figuresOf(report: Report): Figures {
  return {
    rate(path) {
      const { count, of, low, high } = at(report, path) as Rate;
      const percent = (share: number) => (100 * share).toFixed(1);
      const told = of === 0 ? 'none' : `${percent(count / of)} % <small>${count} of ${of}, ${percent(low)} to ${percent(high)} %</small>`;
      return `<span data-rate="${path}">${told}</span>`;
    },
    number(path, digits) {
      const value = at(report, path) as number | null;
      const told = value === null ? '–' : digits === undefined ? String(value) : value.toFixed(digits);
      return `<span data-figure="${path}">${told}</span>`;
    },
  };
}

/** @throws RangeError where nothing is there */
function at(report: Report, path: string): unknown {
  let value: unknown = report;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  if (value === undefined) throw new RangeError(`the report has no ${path}`);
  return value;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
