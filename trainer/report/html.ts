import { readFileSync } from 'node:fs';
import type { Fitness } from '../../shared/bundle/fitness-schema.ts';

/* The parts that the pages of trainings and evaluations share: static HTML without scripts or external files, for screens and for paper. */

const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8');

export interface Page {
  title: string;
  heading: string;
  lead: string;
  /** HTML of the box that comes first. */
  verdict: string;
  sections: Section[];
}

/** A heading, a text that explains it, and HTML; a section without HTML is left out. */
export type Section = [heading: string, text: string, html: string];

export function page({ title, heading, lead, verdict, sections }: Page): string {
  const shown = sections.filter(([, , html]) => html !== '');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Portcullis</title>
<style>${STYLE}</style>
<h1>${escaped(heading)}</h1>
<p>${escaped(lead)}</p>
${verdict}
${shown.map(([name, text, html]) => `<section><h2>${escaped(name)}</h2><p>${escaped(text)}</p>${html}</section>`).join('\n')}
</html>
`;
}

/** The box that comes first on a page. @param html follows the heading */
export function verdictBox(kind: 'good' | 'bad' | '', heading: string, html: string): string {
  return `<div class="verdict ${kind}"><h2>${heading}</h2>${html}</div>`;
}

const BOXES = { 'fit to deploy': 'good', 'not fit': 'bad', 'unknown, because not measured': '' } as const;
const EFFECTS = { against: 'Against it', unmeasured: 'Not measured', limit: 'Limit' } as const;

/** The box that says whether a model is fit to deploy, with the reasons. */
export function fitnessBox({ verdict, reasons }: Fitness): string {
  const items = reasons.map(({ effect, what, todo }) => `${EFFECTS[effect]}: ${what} ${todo}`);
  return verdictBox(BOXES[verdict], `Is it fit to deploy? ${verdict[0]?.toUpperCase()}${verdict.slice(1)}`, list(items));
}

/** A table that scrolls where it is too wide. Heads and cells are HTML; a row of one cell is a heading over all columns. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], kind = ''): string {
  const line = (tag: 'th' | 'td', cells: readonly string[]) => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const body = rows.map((cells) =>
    cells.length === 1 ? `<tr class="over"><td colspan="${heads.length}">${cells[0]}</td></tr>` : line('td', cells),
  );
  const attribute = kind ? ` class="${kind}"` : '';
  return `<div class="scroll"><table${attribute}><thead>${line('th', heads)}</thead><tbody>${body.join('')}</tbody></table></div>`;
}

/** Items side by side, as far as the page is wide enough. */
export const row = (items: readonly string[]) => (items.length === 0 ? '' : `<div class="row">${items.join('')}</div>`);

/** @param items text */
export const list = (items: readonly string[]) => `<ul>${items.map((item) => `<li>${escaped(item)}</li>`).join('')}</ul>`;

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
