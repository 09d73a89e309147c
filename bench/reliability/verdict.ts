import type { Sample } from './images.ts';

/** The parts of a verdict that are compared. */
export interface Said {
  verdict?: string | undefined;
  label?: string | undefined;
}

/**
 * Compares a verdict with the one of the same image offline.
 *
 * @returns null where it does not, `near` where a score is within rounding of its threshold, else what differs
 */
export function verdictProblem(
  said: Said | undefined,
  { offline, found }: Pick<Sample, 'offline'> & { found?: Sample['found'] | undefined },
): string | null {
  const { accepted, label, near } = offline;
  const tell = (text: string) => (near ? 'near' : text);
  const { verdict } = said ?? {};
  if (verdict === 'accepted') {
    if (!accepted) return tell(`accepted as ${said?.label}; offline rejects it`);
    return said?.label === label ? null : `accepted as ${said?.label}; offline as ${label}`;
  }
  if (verdict !== 'rejected' && verdict !== 'reclassified') return `no verdict but ${JSON.stringify(said).slice(0, 200)}`;
  if (accepted) return tell(`${verdict}; offline accepts it as ${label}`);
  // A search that was not made leaves it rejected, which is never wrong.
  if (verdict === 'rejected' || found === undefined) return null;
  return said?.label === found ? null : tell(`reclassified as ${said?.label}; offline as ${found}`);
}
