/** The parts that the pages of trainings and of evaluations share: static HTML without scripts or external files, for screens and for paper. */

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

const STYLE = `
  :root {
    color-scheme: light dark;
    --text: light-dark(#1a1f26, #e6e9ee); --quiet: light-dark(#59626e, #9aa4b1);
    --line: light-dark(#d5d9df, #3a414b); --bad: light-dark(#b91c1c, #ff8a80);
  }
  body {
    font: 1rem/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1rem;
    background: light-dark(#fff, #14181d); color: var(--text);
  }
  h1 { margin: 0; font-size: 1.5rem; }
  h2 { font-size: 1.15rem; margin: 2.2rem 0 0; }
  h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
  h3 small { font-weight: 400; }
  p { margin: .2rem 0 .8rem; }
  section > p { max-width: 48rem; }
  section > p, h1 + p, small { color: var(--quiet); }
  code { overflow-wrap: anywhere; font-size: .85em; }
  ul { padding-left: 1.2rem; }
  img, svg { max-width: 100%; height: auto; }
  img { image-rendering: pixelated; }
  .row { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
  .half { flex: 1 1 26rem; min-width: 0; }
  .scroll { overflow-x: auto; max-width: 100%; }
  table { border-collapse: collapse; font-size: .92rem; }
  td, th { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
  td:first-child, th:first-child { text-align: left; padding-left: 0; }
  table:not(.wide) td:first-child { max-width: 30rem; }
  .text td { text-align: left; }
  .over td { border: 0; padding-top: .8rem; font-weight: 600; }
  .over small { font-weight: 400; }
  td small { white-space: nowrap; }
  td:first-child small { white-space: normal; }
  td small.paper { display: block; color: light-dark(#1d4ed8, #93b4ff); }
  [data-rate] small { display: block; }
  .verdict { border-left: 6px solid var(--quiet); padding: .6rem 1rem; margin: 1rem 0; background: light-dark(#f5f6f8, #1c2127); }
  .verdict.good { border-color: #15803d; }
  .verdict.bad { border-color: #b91c1c; }
  .verdict h2 { margin: 0 0 .4rem; }
  .verdict li { margin: .2rem 0; }
  .headline { font-size: 1.1rem; font-weight: 600; margin: .3rem 0; }
  .loud { color: var(--bad); }
  .verdict p.loud { font-weight: 600; }
  .gallery { gap: .8rem; }
  figure { margin: 0; width: 7rem; }
  figcaption { font-size: .75rem; line-height: 1.35; }
  @media print { :root { color-scheme: light; font-size: 10px; }
    body { max-width: none; padding: 0; font-size: 1.1rem; }
    .row { gap: .8rem; }
    .row > svg { max-width: 48%; }
    td, th { padding-inline: .5rem; }
    h2, h3 { break-after: avoid; }
    tr, figure, svg, .verdict { break-inside: avoid; }
    .scroll { overflow: visible; }
  }
`;
