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
  let wasRejected = true;
  button.onclick = start;
  return {
    reset(isRejected) {
      wasRejected = isRejected;
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
      found.textContent = conclusion(result, screening, wasRejected) + some;
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

/** Says what the search concludes; of an image that was accepted, that it concludes nothing. */
function conclusion({ scores, decision }: SearchResult, { classes }: Screening, wasRejected: boolean): string {
  const name = classes[scores.label];
  const why = whyOf(decision.accepted ? null : decision.reason);
  const best = why && `${name} explains it best, but ${why}.`;
  const clear = 'its picture passes both tests, and no other class comes as close.';
  if (wasRejected) return decision.accepted ? `Reclassified as ${name}: ${clear}` : `Still rejected${best ? `: ${best}` : '.'}`;
  return `${decision.accepted ? `The search finds ${name}: ${clear}` : best || 'The search finds no class.'} It changes nothing: this image was accepted.`;
}

/** Says why a search's best class does not count; an empty text where nothing more can be said. */
function whyOf(reason: string | null): string {
  if (reason === 'ambiguous') return 'another class explains it about as well';
  return SCORE_REASONS.some((known) => known === reason) ? 'even its best picture fails a test' : '';
}
