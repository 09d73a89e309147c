import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { SCORE_REASONS } from '../../shared/score-table.ts';
import type { SearchResult } from '../engine/gradients.ts';
import { byId, element, shown } from './element.ts';
import { paintImage } from './pictures.ts';

export interface SearchPanel {
  /** Empties the panel for another image. @param isRejected whether there is something to search for */
  reset(isRejected: boolean): void;
  running(): void;
  show(result: SearchResult): void;
}

/** Opens the panel. @param start is called when the search is asked for */
export function openSearchPanel(screening: Screening, start: () => void): SearchPanel {
  const button = byId('start-search', HTMLButtonElement);
  const found = byId('found', HTMLElement);
  const list = byId('explanations', HTMLElement);
  button.onclick = start;
  return {
    reset(isRejected) {
      button.disabled = false;
      button.hidden = false;
      found.textContent = isRejected ? '' : 'This image was accepted, so there is nothing to recover. You may search all the same.';
      list.replaceChildren();
    },
    running() {
      button.disabled = true;
      found.textContent = 'Searching …';
    },
    show(result) {
      button.disabled = false;
      button.hidden = true;
      const [asked, all] = [result.explanations.length, screening.classes.length];
      const some = asked < all ? ` The ${asked} of ${all} classes that come nearest were asked.` : '';
      found.textContent = conclusion(result, screening) + some;
      list.replaceChildren(...result.explanations.map((explanation, i) => item(explanation, i === 0, screening)));
    },
  };
}

function item({ class: y, reconstruction, error }: SearchResult['explanations'][number], isBest: boolean, { classes, input }: Screening) {
  const canvas = element('canvas', { ariaHidden: 'true' });
  paintImage(canvas, reconstruction, input);
  const note = isBest ? [element('span', {}, 'explains it best')] : [];
  return element('li', { className: isBest ? 'best' : '' }, canvas, element('b', {}, classes[y] ?? ''), `error ${shown(error)} `, ...note);
}

function conclusion({ scores, decision }: SearchResult, { classes }: Screening): string {
  const name = classes[scores.label];
  if (decision.accepted) return `Reclassified as ${name}: its picture passes both tests, and no other class comes as close.`;
  if (decision.reason === 'ambiguous') return `Still rejected: ${name} explains it best, but another class explains it about as well.`;
  const isTest = SCORE_REASONS.some((reason) => reason === decision.reason);
  return isTest ? `Still rejected: ${name} explains it best, but even its best picture fails a test.` : 'Still rejected.';
}
