import { NORMS } from '../../attacks/ball.ts';
import type { PartFigures, Report } from '../figures/report-schema.ts';
import type { Paper } from '../protocols/paper-figures.ts';
import { escaped, type Figures } from './figures.ts';
import { table } from './table.ts';
import { mainUnion } from './verdict.ts';

type PaperFigure = Exclude<keyof Paper, 'note'>;

/** Each protocol's parts: what was accepted rightly, wrongly and rejected; what the paper prints below it. */
export function outcomeTables(report: Report, figures: Figures): string {
  return byProtocol(report.parts)
    .map(([protocol, parts]) => {
      const aimed = parts.some(({ part }) => part.asTarget);
      const rows = parts.map(({ part, i }, row) => [
        named(part, i, parts[row - 1]?.part, figures),
        `${figures.number(`parts.${i}.images`)}${part.tried === part.images ? '' : `<br><small>${figures.number(`parts.${i}.tried`)} tries</small>`}`,
        ...(['acceptedRight', 'acceptedWrong', 'rejected'] as const).map(
          (name) => figures.rate(`parts.${i}.${name}`) + paperOf(part, i, name, figures),
        ),
        ...(aimed ? [part.asTarget ? figures.rate(`parts.${i}.asTarget`) : ''] : []),
      ]);
      return `<h3>${escaped(protocol)}</h3>${table(['', 'images', 'accepted, right', 'accepted, wrong', 'rejected', ...(aimed ? ['as the wanted class'] : [])], rows)}`;
    })
    .join('');
}

/** What Eq. 9 made of the rejected, and of the edge and the search together. */
export function reclassifiedTables(report: Report, figures: Figures): string {
  const rules = { kept: 'as deployed', keptByPaper: 'both thresholds', keepAll: 'every label taken' } as const;
  return byProtocol(
    report.parts.filter(({ reclassified }) => reclassified),
    report.parts,
  )
    .map(([protocol, parts]) => {
      const rows = parts.flatMap(({ part, i }) => [
        [`${escaped(part.name)} <small>${figures.number(`parts.${i}.reclassified.asked`)} rejected and searched for</small>`],
        ...(Object.keys(rules) as (keyof typeof rules)[]).map((rule) => {
          const path = `parts.${i}.reclassified.${rule}`;
          const printed = (name: PaperFigure) => (rule === 'keepAll' ? paperOf(part, i, name, figures) : '');
          return [
            rules[rule],
            figures.rate(`${path}.right`) + printed('reclassifiedRight'),
            figures.rate(`${path}.wrong`),
            figures.rate(`${path}.rejectedStill`),
            figures.rate(`${path}.pipelineRight`) + printed('pipelineRight'),
            figures.rate(`${path}.pipelineWrong`),
          ];
        }),
      ]);
      const heads = ['rule', 'right', 'wrong', 'rejected still', 'of all: right', 'of all: wrong'];
      return `<h3>${escaped(protocol)}</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** Which attacks a norm's union is of, and which of them found the nearest images. */
export function unionTables(report: Report, figures: Figures): string {
  return NORMS.flatMap((norm) => mainUnion(report, norm) ?? [])
    .map(({ worst: { name, norm, attacks }, path }) => {
      const sorted = attacks.map((attack, i) => ({ attack, i })).sort((a, b) => b.attack.nearest - a.attack.nearest);
      const rows = sorted.map(({ attack, i }) => [
        `${escaped(attack.attack)}<br><small>${escaped(attack.about)}</small>`,
        escaped(attack.protocol),
        attack.radii.length === 0
          ? 'the nearest'
          : attack.radii.map((_, j) => figures.number(`${path}.attacks.${i}.radii.${j}`)).join(', '),
        figures.number(`${path}.attacks.${i}.tried`),
        figures.number(`${path}.attacks.${i}.nearest`),
      ]);
      const heads = ['', 'protocol', 'radii', 'images', 'found the nearest'];
      return `<h3>${norm}: ${escaped(name)}, ${figures.number(`${path}.images`)} images</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** Those that failed first. */
export function sanityTable({ sanity }: Report): string {
  const order = (passed: boolean | null) => (passed === false ? 0 : passed === null ? 1 : 2);
  const told = (passed: boolean | null) => (passed === null ? 'not run' : passed ? 'passed' : '<b class="loud">FAILED</b>');
  const rows = sanity
    .toSorted((a, b) => order(a.passed) - order(b.passed))
    .map(({ name, of, passed, detail }) => [
      `${escaped(name)}<br><small>${of === 'attack' ? 'marks the attack; ' : ''}${escaped(detail)}</small>`,
      told(passed),
    ]);
  return table(['check', ''], rows, 'wide');
}

export function othersTable({ others }: Report, figures: Figures): string {
  const rows = others.map(({ protocol, name, about }, i) => [
    `${escaped(name)}<br><small>${escaped(about)}</small>`,
    escaped(protocol),
    figures.number(`others.${i}.value`),
    figures.number(`others.${i}.paper`),
  ]);
  return table(['', 'protocol', 'measured', 'the paper'], rows);
}

function byProtocol(shown: readonly PartFigures[], all = shown): [string, { part: PartFigures; i: number }[]][] {
  const placed = shown.map((part) => ({ part, i: all.indexOf(part) }));
  return [...Map.groupBy(placed, ({ part }) => part.protocol)];
}

/** What it is and costs is not said again where it is that of the part before. */
function named({ name, about, paper, queries }: PartFigures, i: number, before: PartFigures | undefined, figures: Figures): string {
  const lines = [
    about === before?.about ? '' : escaped(about),
    queries
      ? `${figures.number(`parts.${i}.queries.median`)} queries an image (median), ${figures.number(`parts.${i}.queries.most`)} at most`
      : '',
    paper?.note && paper.note !== before?.paper?.note ? `the paper: ${escaped(paper.note)}` : '',
  ].filter(Boolean);
  return [escaped(name), ...(lines.length > 0 ? [`<small>${lines.join('; ')}</small>`] : [])].join('<br>');
}

function paperOf({ paper }: PartFigures, i: number, name: PaperFigure, figures: Figures): string {
  return paper && paper[name] !== null ? `<small class="paper">paper: ${figures.number(`parts.${i}.paper.${name}`)} %</small>` : '';
}
