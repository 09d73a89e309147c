import { contactSheet } from '../../trainer/report/contact-sheet.ts';
import { escaped, row } from '../../trainer/report/html.ts';
import type { Gallery, Report } from '../figures/report-schema.ts';
import type { Figures } from './figures.ts';

type Entry = Gallery['entries'][number];

/** Shows the first images of one attack: each with its origin, the change, the reconstruction and the verdict. */
export async function galleryOf(report: Report, place: number, figures: Figures): Promise<string> {
  const { protocol, part, entries } = report.galleries[place] as Gallery;
  const { classes, input } = report.model;
  const name = (y: number) => escaped(classes[y] ?? 'nothing');
  const width = Math.min(96, Math.max(72, input.width));
  const shown = entries.map(async (entry, i) => {
    const sheet = await contactSheet(stackOf(entry), { ...input, channels: input.channels as 1 | 3 }, 1);
    const alt = `image ${entry.image}: clean, attacked, change and reconstruction`;
    const caption = [`${name(entry.truth)} → ${name(entry.label)}`, verdictOf(entry)];
    if (entry.radius !== null) caption.push(`changed by ${figures.number(`galleries.${place}.entries.${i}.radius`, 3)}`);
    else if (entry.clean === entry.attacked) caption.push('unchanged: the attack found nothing');
    return `<figure><img alt="${alt}" src="${sheet}" width="${width}"><figcaption>${caption.join('<br>')}</figcaption></figure>`;
  });
  const html = row(await Promise.all(shown)).replace('class="row"', 'class="row gallery"');
  return `<h3>${escaped(part)} <small>${escaped(protocol)}</small></h3>${html}`;
}

function verdictOf({ accepted, label, truth, reason }: Entry): string {
  if (!accepted) return `rejected: ${escaped(reason ?? '')}`;
  return label === truth ? 'accepted, right' : '<b class="loud">accepted, wrong</b>';
}

/** Stacks the clean image, the attacked one, the change and the reconstruction, as far as they are known. */
function stackOf(entry: Entry): Float32Array[] {
  const [clean, attacked, reconstruction] = [entry.clean, entry.attacked, entry.reconstruction].map((picture) =>
    picture === null ? [] : [Float32Array.from(Buffer.from(picture, 'base64'), (level) => level / 255)],
  ) as [Float32Array[], Float32Array[], Float32Array[]];
  return [...clean, ...attacked, ...clean.map((image) => changeBetween(image, attacked[0] as Float32Array)), ...reconstruction];
}

/** Draws a change: grey is none, black or white its largest. */
function changeBetween(clean: Float32Array, attacked: Float32Array): Float32Array {
  const change = attacked.map((value, i) => value - (clean[i] as number));
  const most = change.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1 / 255);
  return change.map((value) => 0.5 + (0.5 * value) / most);
}
