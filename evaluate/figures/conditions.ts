import type { MeasuredPart } from './measured-parts.ts';
import { partFigures } from './part-figures.ts';
import type { Condition } from './report-schema.ts';

/** With less than this share of the images accepted and right, the screen rejects nearly everything. */
export const LEAST_ACCEPTED = 0.5;

/** Returns what became of test images under each natural corruption at each severity. */
export function conditionsOf(parts: readonly MeasuredPart[]): Condition[] {
  return parts.flatMap((part) => {
    const { corruption } = part.descriptor;
    if (!corruption || part.outcomes.length === 0) return [];
    const { acceptedRight, acceptedWrong, rejected } = partFigures(part, null);
    const usable = acceptedRight.count >= LEAST_ACCEPTED * acceptedRight.of;
    return [{ ...corruption, part: part.name, acceptedRight, acceptedWrong, rejected, usable }];
  });
}

/** Returns, for each corruption, the name of the mildest part from which on the screen rejects nearly everything. */
export function unusableConditions(conditions: readonly Condition[]): string[] {
  const byName = Map.groupBy(conditions, ({ name }) => name);
  return [...byName.values()].flatMap((own) => {
    const sorted = own.toSorted((a, b) => a.severity - b.severity);
    const from = sorted.findLastIndex(({ usable }) => usable) + 1;
    return sorted[from]?.part ?? [];
  });
}
