import type { Rate } from '../../shared/rate.ts';
import type { Report } from '../figures/report-schema.ts';
import { radiusText } from '../measure/radius-text.ts';

/** Formats figures of a report as HTML. Each is read from the report by its path and marked with it, so the page can show no other. */
export interface Figures {
  /** Formats the rate at the path: `85.0 % 17 of 20, 62.1 to 96.8 %`. */
  rate(path: string): string;
  /** @param digits after the point; by default as many as the number has */
  number(path: string, digits?: number): string;
  /** Formats a radius: `0.1`, `2/255`. */
  radius(path: string): string;
}

export function figuresOf(report: Report): Figures {
  return {
    rate(path) {
      const { count, of, low, high } = valueAt(report, path) as Rate;
      const percent = (share: number) => (100 * share).toFixed(1);
      const text = of === 0 ? 'none' : `${percent(count / of)} % <small>${count} of ${of}, ${percent(low)} to ${percent(high)} %</small>`;
      return `<span data-rate="${path}">${text}</span>`;
    },
    number(path, digits) {
      const value = valueAt(report, path) as number | null;
      const text = value === null ? '–' : digits === undefined ? String(value) : value.toFixed(digits);
      return `<span data-figure="${path}">${text}</span>`;
    },
    radius: (path) => `<span data-figure="${path}">${radiusText(valueAt(report, path) as number)}</span>`,
  };
}

/** @throws RangeError where there is nothing at the path */
function valueAt(report: Report, path: string): unknown {
  let value: unknown = report;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  if (value === undefined) throw new RangeError(`the report has no ${path}`);
  return value;
}
