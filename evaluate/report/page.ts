import { NORMS } from '../../attacks/ball.ts';
import type { Report } from '../figures/report-schema.ts';
import { curveChart, riskCoverageChart, scatterChart, securityChart } from './charts.ts';
import { escaped, type Figures, figuresOf } from './figures.ts';
import { galleryOf } from './gallery.ts';
import { STYLE } from './style.ts';
import { table } from './table.ts';
import { othersTable, outcomeTables, reclassifiedTables, sanityTable, unionTables } from './tables.ts';
import { COVERED, NOT_COVERED } from './threat-model.ts';
import { verdict } from './verdict.ts';

/** A heading, what it shows, and it; nothing where there is nothing to show. */
type Section = [title: string, text: string, body: string];

/**
 * The report as one page: static, without a network, light or dark as the reader has it, and for paper. Every figure is read from the
 * report and carries its path there (`data-rate`, `data-figure`).
 */
export async function evaluationPage(report: Report): Promise<string> {
  const figures = figuresOf(report);
  const { model, provenance } = report;
  const { height, width, channels } = model.input;
  const shown = (await sections(report, figures)).filter(([, , body]) => body !== '');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(model.name)}, evaluated · Portcullis</title>
<style>${STYLE}</style>
<h1>${escaped(model.name)}: what attacks leave of it</h1>
<p>${escaped(provenance.dataset)}, ${model.classes.length} classes, ${height} x ${width} x ${channels}; bundle ${model.id.slice(0, 12)}. Every rate with its count and its 95 % interval (Clopper and Pearson); each figure stands in report.json too.</p>
${verdict(report, figures)}
${shown.map(([title, text, body]) => `<section><h2>${title}</h2><p>${text}</p>${body}</section>`).join('\n')}
</html>
`;
}

async function sections(report: Report, figures: Figures): Promise<Section[]> {
  const { curves, worst, security, riskCoverage, scatter, galleries, others } = report;
  const norms = NORMS.filter((norm) => [...worst, ...security].some((own) => own.norm === norm));
  const families = [...Map.groupBy(curves, ({ protocol, norm }) => `${protocol}, ${norm}`)];
  return [
    ['Can these figures be believed?', 'What must hold of attacks that are as strong as they are said to be.', sanityTable(report)],
    [
      'Broken within each radius',
      'The wide line is the union of all attacks: an image that one of them breaks is broken, and at every larger radius. Thin: each attack that looks for the nearest image.',
      row(await Promise.all(norms.map((norm) => securityChart(report, norm)))),
    ],
    [
      'What was tried',
      'Each attack with its budget, on how many of the images, and for how many of those it found the nearest image that is accepted as a wrong class (alone or with others).',
      unionTables(report, figures),
    ],
    [
      'Outcomes',
      'In per cent of what was tried, below it the count and the interval. Attacks on both tests answer with the unchanged image where they find none: what they leave is what the clean image gets.',
      outcomeTables(report, figures),
    ],
    [
      'Reclassification',
      'What the search of Eq. 9 made of the rejected, in per cent of those; and of all images, what the edge and the search together say rightly and wrongly.',
      reclassifiedTables(report, figures),
    ],
    [
      'Against the radius',
      'As it came out, with intervals; what is rejected, of attacks that do not answer with the unchanged image where they find none. A curve that falls is an attack that failed (a cross), not a defence that held: a larger radius holds all images of a smaller one.',
      (
        await Promise.all(
          families.map(async ([name, own]) => {
            const moved = own.filter(({ orUnchanged }) => !orUnchanged);
            const drawn = [await curveChart(own, 'acceptedWrong'), ...(moved.length > 0 ? [await curveChart(moved, 'rejected')] : [])];
            return `<h3>${escaped(name)}</h3>${row(drawn)}`;
          }),
        )
      ).join(''),
    ],
    [
      'Scores and thresholds',
      'Both scores in proportion to the thresholds of their label, logarithms within -6 and 6; what lies beyond 0 is rejected. A bundle with a third test (relative error) rejects some below it.',
      row(await Promise.all(scatter.map((cloud) => scatterChart(cloud, scatter)))),
    ],
    [
      'Risk and coverage',
      'Were only the surest of the clean images taken, by the larger of their scores in proportion to the thresholds: how many of those would be wrong. The dot is where the thresholds are.',
      riskCoverage
        ? `${row([await riskCoverageChart(riskCoverage)])}${table(
            ['clean images', 'coverage', 'risk'],
            [
              [
                figures.number('riskCoverage.images'),
                figures.rate('riskCoverage.operating.coverage'),
                figures.rate('riskCoverage.operating.risk'),
              ],
            ],
          )}`
        : '',
    ],
    [
      'Images',
      'From above: clean, attacked, the change (grey: none; its largest is black or white), and what the model makes of the attacked image, where known. The first images of the seed, not chosen.',
      (await Promise.all(galleries.map((_, i) => galleryOf(report, i, figures)))).join(''),
    ],
    ['Other figures', 'Measured by the protocol itself.', others.length > 0 ? othersTable(report, figures) : ''],
    ['What this covers', 'And what it does not.', `<div><h3>Covered</h3>${list(COVERED)}<h3>Not covered</h3>${list(NOT_COVERED)}</div>`],
    [
      'Where it comes from',
      'The same bundle, data, seed and attacks give the same outcomes on the same backend.',
      provenanceTable(report, figures),
    ],
  ];
}

function provenanceTable({ model, provenance }: Report, figures: Figures): string {
  const code = (text: string) => `<code>${escaped(text)}</code>`;
  const files = Object.entries(provenance.data).map(([file, sha256]) => `${escaped(file)} ${code(sha256)}`);
  return table(
    ['', ''],
    [
      ['bundle id', code(model.id)],
      ['model id', code(model.modelId)],
      ['data set', `${escaped(provenance.dataset)}<br><small>${files.join('<br>')}</small>`],
      ['seed of the evaluation', figures.number('provenance.seed')],
      ['backend that gave the gradients', escaped(provenance.backend)],
      ["attacks' source, sha256", code(provenance.attacks)],
      ['Portcullis that evaluated', escaped(provenance.portcullis)],
      ['trained, exported', `${escaped(provenance.trained)}, ${escaped(provenance.exported)}`],
      ['time of one core, seconds', figures.number('provenance.seconds', 0)],
    ],
    'text',
  );
}

const row = (items: readonly string[]) => (items.length === 0 ? '' : `<div class="row">${items.join('')}</div>`);
const list = (items: readonly string[]) => `<ul>${items.map((item) => `<li>${escaped(item)}</li>`).join('')}</ul>`;
