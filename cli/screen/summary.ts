import type { ScreenedFile } from './screen-files.ts';

const GROUPS = ['accepted', 'rejected', 'unreadable'] as const;
/** Most kinds of errors that are counted apart. */
const MOST_ERRORS = 20;

/** Counts of screened files: accepted by class, rejected by reason, unreadable by error. */
export type Summary = Record<(typeof GROUPS)[number], Map<string, number>>;

export const emptySummary = (): Summary => ({ accepted: new Map(), rejected: new Map(), unreadable: new Map() });

/** Counts a file. */
export function count({ accepted, rejected, unreadable }: Summary, screened: ScreenedFile, classes: readonly string[]): void {
  const add = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  if ('error' in screened) {
    // The same fault in files of other sizes is one kind.
    const kind = screened.error.replaceAll(/\d+/g, '#');
    add(unreadable, unreadable.has(kind) || unreadable.size < MOST_ERRORS ? kind : 'other errors');
  } else if (screened.decision.accepted) add(accepted, classes[screened.scores.label] as string);
  else add(rejected, screened.decision.reason);
}

const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, n) => total + n, 0);

/** Returns the number of files in each group. */
export function totals(summary: Summary): Record<keyof Summary, number> {
  return { accepted: sum(summary.accepted), rejected: sum(summary.rejected), unreadable: sum(summary.unreadable) };
}

/** Formats the counts as a table, the most frequent first. */
export function summaryTable(summary: Summary): string {
  const all = GROUPS.reduce((total, group) => total + sum(summary[group]), 0);
  const row = (name: string, n: number) => `${name.padEnd(11)} ${String(n).padStart(8)}  ${((100 * n) / all).toFixed(2).padStart(6)} %`;
  return [
    row('files', all),
    ...GROUPS.flatMap((group) => [
      row(group, sum(summary[group])),
      ...[...summary[group]].sort((a, b) => b[1] - a[1]).map(([key, n]) => `${row('', n)}  ${key}`),
    ]),
  ].join('\n');
}
