import { NORMS } from '../../attacks/steps/projection.ts';
import { escaped, fitnessBox, list, page, row, type Section, table } from '../../trainer/report/html.ts';
import { unusableConditions } from '../figures/part-figures.ts';
import type { Report } from '../figures/report-schema.ts';
import { conditionsChart, convergenceChart, curveChart, riskCoverageChart, scatterChart, securityChart } from './charts.ts';
import { type Figures, figuresOf } from './figures.ts';
import { galleryOf } from './gallery.ts';
import { verdict } from './summary.ts';
import {
  certificatesTable,
  conditionsTable,
  convergenceTables,
  othersTable,
  outcomeTables,
  reclassifiedTables,
  sanityTable,
  unionTables,
  unknownTable,
} from './tables.ts';

/** Returns the report as one page. Every figure on it is read from the report and carries its path there (`data-rate`, `data-figure`). */
export async function evaluationPage(report: Report): Promise<string> {
  const figures = figuresOf(report);
  const { model, provenance } = report;
  const { height, width, channels } = model.input;
  return page({
    title: `${model.name}, evaluated`,
    heading: `Evaluation of ${model.name}`,
    lead:
      `${provenance.dataset}, ${model.classes.length} classes, ${height} x ${width} x ${channels}; bundle ${model.id.slice(0, 12)}. ` +
      'Each rate comes with its count and its 95 % confidence interval (Clopper and Pearson). Every figure is also in report.json.',
    verdict: (report.fitness ? fitnessBox(report.fitness) : '') + verdict(report, figures),
    sections: await sections(report, figures),
  });
}

async function sections(report: Report, figures: Figures): Promise<Section[]> {
  const { curves, worst, security, scatter, galleries, others } = report;
  const norms = NORMS.filter((norm) => [...worst, ...security].some((own) => own.norm === norm));
  const families = [...Map.groupBy(curves, ({ protocol, norm }) => `${protocol}, ${norm}`)];
  return [
    [
      'Can these figures be trusted?',
      'An attack that is too weak makes a model look safe. These checks hold for attacks that work. Where a check concerns the report ' +
        'and fails, no figure here can be trusted; where it concerns one attack, the figures of that attack prove nothing.',
      sanityTable(report),
    ],
    [
      'Fooled images by radius',
      'The share of test images that can be changed, within a radius, so that they are accepted as a wrong class. The wide line counts ' +
        'an image as soon as one of the attacks succeeds. Each thin line is one attack that searches for the smallest change.',
      row(await Promise.all(norms.map((norm) => securityChart(report, norm)))),
    ],
    [
      'Would more gradients find more?',
      'The same attacks on fewer images, with more and more gradients: each figure counts an image that an attack of that budget or of a ' +
        'smaller one breaks. They have converged where the largest budget finds no more than the 95 % interval of the smallest allows.',
      row(await Promise.all(report.convergence.map(convergenceChart))) + convergenceTables(report, figures),
    ],
    [
      'Attacks tried',
      'Each attack with its budget, the number of images it was tried on, and for how many of them it found the smallest change that ' +
        'fools the model, alone or together with others.',
      unionTables(report, figures),
    ],
    [
      'Proven',
      'The share of test images that may be accepted as a wrong class after some change within the radius, by any attack, known or not: of ' +
        'all others it is proven that none does. The strongest attack reaches a share between what the attacks found and this.',
      certificatesTable(report, figures),
    ],
    [
      'Results',
      'What became of the images, in per cent. An attack on both tests leaves an image unchanged where it finds nothing: its result is ' +
        'then that of the clean image.',
      outcomeTables(report, figures),
    ],
    [
      'Unknown images',
      'The share of unknown images that is accepted; every acceptance is an error. Kinds that were used in training are easier to reject ' +
        'than others: judge by the others.',
      unknownTable(report, figures),
    ],
    [
      'Ordinary days',
      'Test images that nobody attacked, but that were dimmed, blurred, noisy, moved or compressed. A rejected image is not a wrong one: ' +
        'the figure says how far the screen can be used under such conditions, not whether it is safe.',
      await ordinaryDays(report, figures),
    ],
    [
      'Reclassification',
      'For a rejected image, a search finds the class that explains it best (Eq. 9 of the paper). The first three columns are shares of ' +
        'the rejected images; the last two are shares of all images, accepted or reclassified.',
      reclassifiedTables(report, figures),
    ],
    [
      'Attacks at several radii',
      'Results as measured, with their intervals. A larger radius allows every change that a smaller one does. So a curve that falls (a ' +
        'cross) means that the attack failed there, not that the model is safer. Rejections are shown for attacks that always change the ' +
        'image.',
      (
        await Promise.all(
          families.map(async ([name, own]) => {
            const changing = own.filter(({ orUnchanged }) => !orUnchanged);
            const drawn = [
              await curveChart(own, 'acceptedWrong'),
              ...(changing.length > 0 ? [await curveChart(changing, 'rejected')] : []),
            ];
            return `<h3>${escaped(name)}</h3>${row(drawn)}`;
          }),
        )
      ).join(''),
    ],
    [
      'Scores and thresholds',
      'Each dot is an image: its two scores, each divided by the threshold of its label, as natural logarithms between -6 and 6. An ' +
        'image beyond 0 on either axis is rejected. A third test (relative error), where a bundle has it, also rejects some images below ' +
        '0.',
      row(await Promise.all(scatter.map((cloud) => scatterChart(cloud, scatter)))),
    ],
    [
      'Stricter and looser thresholds',
      'The error on clean images if only those with the smallest scores were accepted. Coverage is the share that is accepted, risk is ' +
        'the share of those that is wrong. The dot marks the thresholds in use.',
      await riskCoverage(report, figures),
    ],
    [
      'Example images',
      'From top to bottom: the clean image, the attacked one, the change (grey: none; black or white: the largest), and the ' +
        'reconstruction of the attacked image, where it is known. These are the first images in the order of the seed, not a selection.',
      (await Promise.all(galleries.map((_, i) => galleryOf(report, i, figures)))).join(''),
    ],
    ['Other measurements', 'Figures that are not counts of images.', others.length > 0 ? othersTable(report, figures) : ''],
    [
      'What this report covers',
      'A report says nothing about attacks and images that were not tried.',
      `<h3>Covered</h3>${list(COVERED)}<h3>Not covered</h3>${list(NOT_COVERED)}`,
    ],
    ['Provenance', 'The same bundle, data, seed and attacks give the same outcomes on the same backend.', provenanceTable(report, figures)],
  ];
}

async function ordinaryDays(report: Report, figures: Figures): Promise<string> {
  if (report.conditions.length === 0) return '';
  const unusable = unusableConditions(report.conditions);
  const named =
    unusable.length > 0 ? `<p>It rejects nearly everything (accepts less than half rightly) from these on:</p>${list(unusable)}` : '';
  return row([await conditionsChart(report.conditions)]) + named + conditionsTable(report, figures);
}

async function riskCoverage(report: Report, figures: Figures): Promise<string> {
  if (!report.riskCoverage) return '';
  const path = 'riskCoverage.operating';
  const cells = [figures.number('riskCoverage.images'), figures.rate(`${path}.coverage`), figures.rate(`${path}.risk`)];
  return row([await riskCoverageChart(report.riskCoverage)]) + table(['clean images', 'coverage', 'risk'], [cells]);
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
      ['backend that computed the gradients', escaped(provenance.backend)],
      ['sha256 of the source of the attacks', code(provenance.attacks)],
      ['version of Portcullis', escaped(provenance.portcullis)],
      ['trained, exported', `${escaped(provenance.trained)}, ${escaped(provenance.exported)}`],
      ['time on one core, in seconds', figures.number('provenance.seconds', 0)],
    ],
    'text',
  );
}

const COVERED = [
  'An attacker who wants an image of one class accepted as another, and may change it within a radius. linf: the largest change of a ' +
    'pixel value. l2: the root of the sum of squared changes. l0: the number of changed pixels. Pixel values are from 0 to 1.',
  'An attacker who knows the whole model: weights, thresholds and decision. Gradients are those of the model in the bundle.',
  'An attacker who sees only verdicts and scores, or owns a similar model, where black-box or transfer attacks are listed above.',
  'Verdicts are those of the exported graphs and of the decision that the worker takes, not those of the model in training.',
  'Unknown images, images of other data sets, and common corruptions, where such protocols are listed above. These are not attacked.',
];

const NOT_COVERED = [
  'Stronger attacks: every figure is the least that an attacker achieves. Intervals account for the choice of images, not of attacks.',
  'Large changes that leave the class visible: patches, other viewpoints, printed and photographed images, redrawn images.',
  'Poisoned training or calibration images, a stolen signing key, a replaced bundle.',
  'An attacker who wants images rejected: the method does not prevent that. The rejections above are side effects of other attacks.',
  'Rounding to image files: attacked images are screened as float32 values. A file with 8 bits a channel rounds them, and preprocessing ' +
    'changes images of other sizes.',
  'Images of another kind than this data set, and bundles with another id.',
  'The results of the paper on SVHN: not measured, as its files were not available.',
];
