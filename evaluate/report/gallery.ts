import { contactSheet } from '../../trainer/report/contact-sheet.ts';
import type { Gallery, Report } from '../figures/report-schema.ts';
import { escaped, type Figures } from './figures.ts';

/** One attack's first images, each with what it was made from, the change, what the model makes of it, and the verdict. */
export async function galleryOf(report: Report, place: number, figures: Figures): Promise<string> {
  const { protocol, part, entries } = report.galleries[place] as Gallery;
  const shown = await Promise.all(
    entries.map(async (entry, i) => {
      const { image, truth, label, accepted, reason, radius } = entry;
      const path = `galleries.${place}.entries.${i}`;
      const verdict = accepted
        ? label === truth
          ? 'accepted, right'
          : '<b class="loud">accepted, wrong</b>'
        : `rejected: ${escaped(reason ?? '')}`;
      const name = (y: number) => escaped(report.model.classes[y] ?? 'nothing');
      const alt = `image ${image}: clean, attacked, change and reconstruction`;
      const sheet = await contactSheet(stackOf(entry), { ...report.model.input, channels: report.model.input.channels as 1 | 3 }, 1);
      return `<figure><img alt="${alt}" src="${sheet}" width="${Math.min(96, Math.max(72, report.model.input.width))}"><figcaption>${name(truth)} → ${name(label)}<br>${verdict}${
        radius === null
          ? entry.clean === entry.attacked
            ? '<br>unchanged: none found'
            : ''
          : `<br>${figures.number(`${path}.radius`, 3)} away`
      }</figcaption></figure>`;
    }),
  );
  return `<h3>${escaped(part)} <small>${escaped(protocol)}</small></h3><div class="row gallery">${shown.join('')}</div>`;
}

/** Clean, attacked, change, reconstruction: those that there are. */
function stackOf({ clean, attacked, reconstruction }: Gallery['entries'][number]): Float32Array[] {
  const read = (picture: string) => Float32Array.from(Buffer.from(picture, 'base64'), (level) => level / 255);
  const image = read(attacked);
  const original = clean === null ? null : read(clean);
  return [
    ...(original ? [original, image, changeOf(original, image)] : [image]),
    ...(reconstruction === null ? [] : [read(reconstruction)]),
  ];
}

/** Grey where nothing changed, its largest change black or white. */
function changeOf(clean: Float32Array, attacked: Float32Array): Float32Array {
  const change = attacked.map((value, i) => value - (clean[i] as number));
  const most = Math.max(
    1 / 255,
    change.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  );
  return change.map((value) => 0.5 + (0.5 * value) / most);
}
