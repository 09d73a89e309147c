import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import { escaped, row, table, verdictBox } from '../../trainer/report/html.ts';
import type { Check, Report, Worst } from '../figures/report-schema.ts';
import type { Figures } from './figures.ts';

/** Returns the widest union of a norm: that of all protocols, where there are several. */
export function mainUnion(report: Report, norm: Norm): { worst: Worst; path: string } | null {
  const i = report.worst.findIndex((worst) => worst.norm === norm);
  return i < 0 ? null : { worst: report.worst[i] as Worst, path: `worst.${i}` };
}

/** Says in words how far an attacker may go in each norm: within a radius, and in general. */
const NORM_TEXTS: Record<Norm, { within: string; limit: string }> = {
  linf: {
    within: 'With every pixel value changed by at most',
    limit: 'every pixel value may change by up to the radius; 0 is black and 1 is white',
  },
  l0: {
    within: 'With the number of changed pixels at most',
    limit: 'so many pixels may change, each by any amount',
  },
  l2: {
    within: 'With the whole image changed by at most',
    limit: 'the root of the sum of all squared changes is at most the radius; 0 is black and 1 is white',
  },
};

/** Returns the box that comes first: how much change fools the model, and how far the figures can be trusted. */
export function verdict(report: Report, figures: Figures): string {
  const checks = (of: Check['of'], passed: boolean | null) =>
    report.sanity.filter((check) => check.of === of && check.passed === passed).map(({ name }) => escaped(name));
  const [failed, notRun, weak] = [checks('report', false), checks('report', null), checks('attack', false)];
  const unions = NORMS.flatMap((norm) => mainUnion(report, norm) ?? []);
  const searched = unions.filter(({ worst }) => report.security.some(({ norm, blackBox }) => norm === worst.norm && !blackBox));
  const html = [
    failed.length > 0 && `<p class="loud">Do not trust these figures: the report fails its own checks (${failed.join('; ')}).</p>`,
    searched.length === 0 &&
      '<p class="loud">Not known yet: no attack was run that searches for the smallest change that fools the model. Weaker attacks ' +
        'make a model look safer than it is. <code>pnpm evaluate --protocol adaptive</code> runs such attacks.</p>',
    ...searched.map((union) => headline(figures, union)),
    row(unions.map((union) => radiusTable(figures, union))),
    notRun.length > 0 && `<p>Checks that were not run: ${notRun.join('; ')}.</p>`,
    weak.length > 0 &&
      `<details><summary>${weak.length} checks of single attacks failed. The figures of those attacks prove nothing; the union above ` +
        `holds.</summary><p>${weak.join('; ')}.</p></details>`,
  ];
  const kind = failed.length > 0 || searched.length === 0 ? 'bad' : '';
  return verdictBox(kind, 'How much change fools the model', html.filter(Boolean).join(''));
}

/** States the smallest radius of the table within which at least half of the images are broken, else the largest radius. */
function headline(figures: Figures, { worst, path }: { worst: Worst; path: string }): string {
  const half = worst.at.findIndex(({ broken }) => 2 * broken.count >= broken.of);
  const at = `${path}.at.${half < 0 ? worst.at.length - 1 : half}`;
  return (
    `<p class="headline">${NORM_TEXTS[worst.norm].within} ${figures.radius(`${at}.radius`)} (${worst.norm}), ` +
    `${figures.number(`${at}.broken.count`)} of ${figures.number(`${at}.broken.of`)} test images are accepted as a wrong class.</p>`
  );
}

function radiusTable(figures: Figures, { worst, path }: { worst: Worst; path: string }): string {
  const rows = worst.at.map((_, i) => [
    figures.radius(`${path}.at.${i}.radius`),
    figures.rate(`${path}.at.${i}.broken`),
    figures.number(`${path}.at.${i}.withstood`),
    figures.number(`${path}.at.${i}.rejectedClean`),
  ]);
  const half = worst.curve.broken.findIndex((count) => 2 * count >= worst.images);
  const within = figures.number(`${path}.curve.radii.${half < 0 ? worst.curve.radii.length - 1 : half}`);
  const share = half < 0 ? 'Fewer than half' : 'Half';
  return (
    `<div class="half"><h3>${worst.norm} <small>${NORM_TEXTS[worst.norm].limit}</small></h3>` +
    `${table(['radius', 'accepted as a wrong class', 'withstood', 'rejected unchanged'], rows)}` +
    `<p>${share} of the images are accepted as a wrong class within ${within}. ` +
    `${worst.attacks.length} attacks were tried, see “Attacks tried”.</p></div>`
  );
}
