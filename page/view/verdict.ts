import type { Explained } from '../../library/browser.ts';
import type { Verdict } from '../../shared/protocol/screen-messages.ts';
import { GRAPH_SCORES } from '../../shared/score-table.ts';
import type { TimedExplained } from '../engine/runtimes.ts';
import { byId, element, shown, text } from './element.ts';

/** The worker's answer, or why there is none, with the time of the request. */
export type WorkerAnswer = { verdict: Verdict; ms: number } | { problem: string };

type Known = Exclude<Explained, { verdict: 'unreadable' }>;

/** Says in plain words why an image is rejected. */
const WHY: Record<NonNullable<Known['reasons']['reason']>, string> = {
  'latent-distance': 'Its point lies too far from every class that the model knows.',
  'reconstruction-error': 'The model cannot redraw it from what it understood of it.',
  'relative-error': 'What the model redraws wrongly is too much of all that is on the image.',
  'mean-reconstruction-error': 'It does not look like the typical image of its class.',
  'rival-margin': 'A small change could make it another class.',
  'not-finite': 'Its scores are no numbers.',
  'unknown-label': 'The model names no class that it has limits for.',
};

/** Shows the verdict. @param truth the class that the image really is of, null if it is of none or that is not known */
export function showVerdict(explained: Explained, truth: { index: number; name: string } | null, isAttacked: boolean): void {
  text('answer', isAttacked ? 'The verdict on the attacked image' : 'The verdict');
  const box = byId('verdict', HTMLElement);
  const [title, detail, kind] = wordsFor(explained, truth, isAttacked);
  box.className = `verdict ${kind}`;
  box.replaceChildren(element('p', { className: 'stamp' }, title), element('p', {}, detail));
}

function wordsFor(explained: Explained, truth: { index: number; name: string } | null, isAttacked: boolean): [string, string, string] {
  if (explained.verdict === 'unreadable') return ['Not read', explained.detail, 'rejected'];
  if (explained.verdict === 'rejected') return ['Rejected', WHY[explained.reason], 'rejected'];
  const title = `Accepted as ${explained.label}`;
  if (truth && truth.index !== explained.index) {
    const why = isAttacked
      ? `The attack got through: it is really ${truth.name}. Both tests were fooled.`
      : `But it is really ${truth.name}.`;
    return [title, why, 'fooled'];
  }
  return [title, 'It is near the class, and the model can redraw it. The classifier may see it.', 'accepted'];
}

const said = (answer: { verdict: string; label?: string }) =>
  answer.label === undefined ? answer.verdict : `${answer.verdict} as ${answer.label}`;

const timeOf = (ms: number) => `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;

/** Shows the page's own answer, while the worker is asked. */
export function showPageAnswer(explained: TimedExplained): void {
  text('page-answer', explained.verdict === 'unreadable' ? 'not read' : said(explained));
  text('page-time', explained.verdict === 'unreadable' ? '' : timeOf(explained.ms));
  text('worker-answer', 'asked …');
  text('worker-time', '');
  text('agreement', 'The worker is asked the same.');
}

/** Shows the worker's answer beside the page's, and whether they agree. */
export function showWorkerAnswer(answer: WorkerAnswer, explained: Explained): void {
  if ('problem' in answer) {
    text('worker-answer', answer.problem);
    text('agreement', 'The worker gave no verdict to compare with.');
    return;
  }
  const { verdict, ms } = answer;
  const more = verdict.verdict === 'rejected' && verdict.reclassification ? `, search: ${verdict.reclassification}` : '';
  text('worker-answer', said(verdict) + more);
  text('worker-time', timeOf(ms));
  text('agreement', agreement(verdict, explained));
}

function agreement(verdict: Verdict, explained: Explained): string {
  if (explained.verdict === 'unreadable') return 'They differ: the page could not read the image.';
  // The worker reclassifies what it rejects, if it was told to.
  const isSame =
    explained.verdict === 'accepted' ? verdict.verdict === 'accepted' && verdict.index === explained.index : verdict.verdict !== 'accepted';
  if (isSame) return 'They agree. Both run the same verified model: your browser in its own thread, the worker over HTTP.';
  const near = GRAPH_SCORES.map((name) => [explained.reasons.scores[name], explained.reasons.thresholds[name]]);
  return `They differ. Scores and limits in the page: ${near.map(([score, limit]) => `${shown(score ?? Number.NaN)} of ${shown(limit ?? Number.NaN)}`).join(', ')}.`;
}
