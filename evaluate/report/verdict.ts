import { NORMS, type Norm } from '../../attacks/ball.ts';
import type { Report, Worst } from '../figures/report-schema.ts';
import { escaped, type Figures } from './figures.ts';
import { table } from './table.ts';

/** Of a norm the union that says most: over all protocols, where there are several. */
export function mainUnion(report: Report, norm: Norm): { worst: Worst; path: string } | null {
  const i = report.worst.findIndex((worst) => worst.norm === norm);
  return i < 0 ? null : { worst: report.worst[i] as Worst, path: `worst.${i}` };
}

/** What gets through, in words first. */
export function verdict(report: Report, figures: Figures): string {
  const ofReport = report.sanity.filter(({ of }) => of === 'report');
  const failed = ofReport.filter(({ passed }) => passed === false);
  const notRun = ofReport.filter(({ passed }) => passed === null);
  const marked = report.sanity.filter(({ of, passed }) => of === 'attack' && passed === false);
  const unions = NORMS.flatMap((norm) => mainUnion(report, norm) ?? []);
  const strong = unions.filter(({ worst }) => report.security.some(({ norm, blackBox }) => norm === worst.norm && !blackBox));
  const names = (checks: readonly { name: string }[]) => checks.map(({ name }) => escaped(name)).join('; ');
  return `<div class="verdict${failed.length > 0 || strong.length === 0 ? ' bad' : ''}"><h2>What gets through</h2>${
    failed.length > 0 ? `<p class="loud">Do not believe these figures: the report fails its own checks (${names(failed)}).</p>` : ''
  }${
    strong.length === 0
      ? '<p class="loud">Not known: no attack was run that looks for the nearest image accepted as a wrong class. Weaker ones flatter; <code>pnpm evaluate --protocol adaptive</code> runs it.</p>'
      : ''
  }${strong.map((union) => sentence(figures, union)).join('')}<div class="row">${unions.map((union) => radiiTable(figures, union)).join('')}</div>${
    notRun.length > 0 ? `<p>Checks that were not run: ${names(notRun)}.</p>` : ''
  }${marked.length > 0 ? `<p>Attacks that failed somewhere, so that their own figures prove nothing: ${names(marked)}.</p>` : ''}</div>`;
}

const MEASURE: Record<Norm, string> = { linf: 'no value by more than the radius', l2: 'the root of the sum of squares' };

/** The smallest radius of the tables within which most get through, else the largest. */
function sentence(figures: Figures, { worst, path }: { worst: Worst; path: string }): string {
  const most = worst.at.findIndex(({ broken }) => 2 * broken.count >= broken.of);
  const i = most < 0 ? worst.at.length - 1 : most;
  const at = `${path}.at.${i}`;
  return `<p class="headline">Within ${worst.norm} ${figures.number(`${at}.radius`)}, ${figures.number(`${at}.broken.count`)} of ${figures.number(`${at}.broken.of`)} test images can be changed so that they are accepted as a wrong class.</p>`;
}

function radiiTable(figures: Figures, { worst, path }: { worst: Worst; path: string }): string {
  const half = worst.curve.broken.findIndex((count) => 2 * count >= worst.images);
  const rows = worst.at.map((_, i) => [
    figures.number(`${path}.at.${i}.radius`),
    figures.rate(`${path}.at.${i}.broken`),
    figures.number(`${path}.at.${i}.withstood`),
    figures.number(`${path}.at.${i}.rejectedClean`),
  ]);
  const last = worst.curve.radii.length - 1;
  const halfway =
    half < 0
      ? `Not half of the images, within any radius up to ${figures.number(`${path}.curve.radii.${last}`)}.`
      : `Half of the images within ${figures.number(`${path}.curve.radii.${half}`)}.`;
  const tried = worst.attacks.map(({ attack }) => escaped(attack.replace(`, ${worst.norm}`, ''))).join('; ');
  return `<div class="half"><h3>${worst.norm} <small>${MEASURE[worst.norm]}</small></h3>${table(
    ['radius', 'accepted, wrong', 'withstood', 'rejected unchanged'],
    rows,
  )}<p>${halfway} Tried: ${tried}.</p></div>`;
}
