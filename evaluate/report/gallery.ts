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
  const shown = await Promise.all(
    entries.map(async (entry, i) => {
      const sheet = await contactSheet(stackOf(entry), { ...input, channels: input.channels as 1 | 3 }, 1);
      const alt = `image ${entry.image}: clean, attacked, change and reconstruction`;
      const caption = [
        `${name(entry.truth)} → ${name(entry.label)}`,
        verdictOf(entry),
        ...(entry.radius !== null ? [`changed by ${figures.number(`galleries.${place}.entries.${i}.radius`, 3)}`] : []),
        ...(entry.radius === null && entry.clean === entry.attacked ? ['unchanged: the attack found nothing'] : []),
      ];
      return (
        `<figure><img alt="${alt}" src="${sheet}" width="${Math.min(96, Math.max(72, input.width))}">` +
        `<figcaption>${caption.join('<br>')}</figcaption></figure>`
      );
    }),
  );
  return `<h3>${escaped(part)} <small>${escaped(protocol)}</small></h3>${row(shown).replace('class="row"', 'class="row gallery"')}`;
}

function verdictOf({ accepted, label, truth, reason }: Entry): string {
  if (!accepted) return `rejected: ${escaped(reason ?? '')}`;
  return label === truth ? 'accepted, right' : '<b class="loud">accepted, wrong</b>';
}

/** Stacks the clean image, the attacked one, the change and the reconstruction, as far as they are known. */
function stackOf({ clean, attacked, reconstruction }: Entry): Float32Array[] {
  const read = (picture: string) => Float32Array.from(Buffer.from(picture, 'base64'), (level) => level / 255);
  const image = read(attacked);
  const original = clean === null ? null : read(clean);
  return [
    ...(original ? [original, image, changeBetween(original, image)] : [image]),
    ...(reconstruction === null ? [] : [read(reconstruction)]),
  ];
}

/** Draws a change: grey is none, black or white its largest. */
function changeBetween(clean: Float32Array, attacked: Float32Array): Float32Array {
  const change = attacked.map((value, i) => value - (clean[i] as number));
  const most = change.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1 / 255);
  return change.map((value) => 0.5 + (0.5 * value) / most);
}
