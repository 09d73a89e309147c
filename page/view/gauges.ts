import type { Explained } from '../../library/browser.ts';
import { SCORES, type ScoreName } from '../../shared/score-table.ts';
import { element, percent, shown } from './element.ts';

type Known = Exclude<Explained, { verdict: 'unreadable' }>;

/** Marks on the scale, in thresholds; the scale shows r as r / (1 + r), so that the threshold is in the middle and no score is off it. */
const MARKS = ['0', '½', 'limit', '2×', '∞'];

/** The scores as a person reads them who does not know their names. */
const PLAIN: Record<ScoreName, string> = {
  latentDistance: 'Distance of its point from the class',
  rivalMargin: 'How near another class can come',
  reconstructionError: 'Difference between image and drawing',
  relativeError: 'Difference relative to how much is on the image',
  meanReconstructionError: 'Difference from the typical image of the class',
};

/** Shows each of the named scores that the model tests against its threshold. @returns whether all of them pass */
export function showGauges(container: HTMLElement, { reasons }: Known, names: readonly ScoreName[]): boolean {
  let passes = true;
  const gauges = names.flatMap((name) => {
    const [score, limit, pValue] = [reasons.scores[name], reasons.thresholds[name], reasons.pValues[name]];
    if (score === undefined || limit === undefined || limit === null) return [];
    const isBelow = score !== null && score <= limit;
    passes &&= isBelow;
    const ratio = score === null ? Number.POSITIVE_INFINITY : Math.max(0, score) / limit;
    const marker = element('i', { className: isBelow ? 'marker' : 'marker no' });
    marker.style.left = `${100 * (Number.isFinite(ratio) ? ratio / (1 + ratio) : 1)}%`;
    const track = element('div', { className: 'track', ariaHidden: 'true' }, element('i', { className: 'limit' }), marker);
    const scale = element('div', { className: 'scale', ariaHidden: 'true' }, ...MARKS.map((mark) => element('span', {}, mark)));
    const value = element('span', {}, element('b', {}, score === null ? 'no number' : shown(score)), ` of at most ${shown(limit)}`);
    const rarity = pValue === undefined ? '' : rarityOf(pValue, reasons.nearest);
    return element(
      'div',
      { className: 'gauge' },
      element('div', { className: 'head' }, element('span', {}, `${PLAIN[name]}: ${isBelow ? 'passes' : 'too high'}`), value),
      track,
      scale,
      element('span', { className: 'soft' }, `${SCORES[name].title}. ${rarity}`),
    );
  });
  container.replaceChildren(...gauges);
  return passes;
}

function rarityOf(pValue: number, name: string): string {
  if (pValue <= 0) return `No genuine image of class ${name} scored so high when the limits were set.`;
  return `${percent(pValue)} of genuine images of class ${name} score this high or higher.`;
}
