import { NORMS } from '../../attacks/steps/projection.ts';
import { escaped, table } from '../../trainer/report/html.ts';
import type { Check, Paper, PartFigures, Report } from '../figures/report-schema.ts';
import type { Figures } from './figures.ts';
import { mainUnion } from './summary.ts';

type PaperFigure = Exclude<keyof Paper, 'note'>;

/** Tables of what was accepted rightly, accepted wrongly and rejected, one for each protocol, with the figures that the paper prints. */
export function outcomeTables(report: Report, figures: Figures): string {
  return byProtocol(report.parts)
    .map(([protocol, parts]) => {
      const aimed = parts.some(({ part }) => part.asTarget);
      const rows = parts.map(({ part, i }, place) => [
        describe(part, i, parts[place - 1]?.part, figures),
        figures.number(`parts.${i}.images`) +
          (part.tried === part.images ? '' : `<br><small>${figures.number(`parts.${i}.tried`)} tries</small>`),
        ...(['acceptedRight', 'acceptedWrong', 'rejected'] as const).map(
          (name) => figures.rate(`parts.${i}.${name}`) + paperOf(part, i, name, figures),
        ),
        ...(aimed ? [part.asTarget ? figures.rate(`parts.${i}.asTarget`) : ''] : []),
      ]);
      const heads = ['', 'images', 'accepted, right', 'accepted, wrong', 'rejected', ...(aimed ? ['accepted as the class aimed at'] : [])];
      return `<h3>${escaped(protocol)}</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** A table of what is accepted and right: a row for each corruption, a column for each severity, with the strength in words. */
export function conditionsTable({ conditions }: Report, figures: Figures): string {
  const severities = [...new Set(conditions.map(({ severity }) => severity))].sort();
  const indexed = conditions.map((condition, i) => ({ ...condition, i }));
  const rows = Array.from(
    Map.groupBy(indexed, ({ name }) => name),
    ([name, own]) => [
      escaped(name),
      ...severities.map((severity) => {
        const found = own.find((each) => each.severity === severity);
        if (!found) return '';
        const words = found.part.slice(found.part.indexOf(': ') + 2);
        return `${figures.rate(`conditions.${found.i}.acceptedRight`)}<br><small>${escaped(words)}</small>`;
      }),
    ],
  );
  return table(['accepted, right', ...severities.map((severity) => `severity ${severity}`)], rows);
}

/** The rules that take or refuse the class that the search found. */
const RULES = { kept: 'as deployed', keptByPaper: "the paper's: both thresholds", keepAll: 'every class kept' } as const;

/** Tables of what reclassification did with the rejected images, and of edge and search together. */
export function reclassifiedTables(report: Report, figures: Figures): string {
  const searched = report.parts.filter(({ reclassified }) => reclassified);
  return byProtocol(searched, report.parts)
    .map(([protocol, parts]) => {
      const rows = parts.flatMap(({ part, i }) => [
        [`${escaped(part.name)} <small>${figures.number(`parts.${i}.reclassified.asked`)} rejected images searched</small>`],
        ...(Object.keys(RULES) as (keyof typeof RULES)[]).map((rule) => {
          const path = `parts.${i}.reclassified.${rule}`;
          const printed = (name: PaperFigure) => (rule === 'keepAll' ? paperOf(part, i, name, figures) : '');
          return [
            RULES[rule],
            figures.rate(`${path}.right`) + printed('reclassifiedRight'),
            figures.rate(`${path}.wrong`),
            figures.rate(`${path}.rejectedStill`),
            figures.rate(`${path}.pipelineRight`) + printed('pipelineRight'),
            figures.rate(`${path}.pipelineWrong`),
          ];
        }),
      ]);
      const heads = ['rule', 'right', 'wrong', 'still rejected', 'of all images: right', 'of all images: wrong'];
      return `<h3>${escaped(protocol)}</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** Tables of the attacks in each norm's union, and of which of them found the nearest images. */
export function unionTables(report: Report, figures: Figures): string {
  return NORMS.flatMap((norm) => mainUnion(report, norm) ?? [])
    .map(({ worst: { name, norm, attacks }, path }) => {
      const sorted = attacks.map((attack, i) => ({ attack, i })).sort((a, b) => b.attack.nearest - a.attack.nearest);
      const rows = sorted.map(({ attack, i }) => [
        `${escaped(attack.attack)}<br><small>${escaped(attack.about)}</small>`,
        escaped(attack.protocol),
        attack.radii.map((_, j) => figures.number(`${path}.attacks.${i}.radii.${j}`)).join(', ') || 'searches for the smallest',
        figures.number(`${path}.attacks.${i}.tried`),
        figures.number(`${path}.attacks.${i}.nearest`),
      ]);
      const heads = ['attack', 'protocol', 'radii', 'images', 'smallest change found'];
      return `<h3>${norm}: ${escaped(name)}, ${figures.number(`${path}.images`)} images</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** A table of the checks, those that failed first. */
export function sanityTable({ sanity }: Report): string {
  const order = ({ passed }: Check) => (passed === false ? 0 : passed === null ? 1 : 2);
  const rows = sanity
    .toSorted((a, b) => order(a) - order(b))
    .map((check) => [
      `${escaped(check.name)}<br><small>${escaped(check.detail)}</small>`,
      check.of === 'attack' ? 'this attack' : 'the report',
      check.passed === null ? 'not run' : check.passed ? 'passed' : '<b class="loud">FAILED</b>',
    ]);
  return table(['check', 'concerns', ''], rows, 'wide');
}

/** Formats the checks for a terminal, those that failed last. */
export function sanityLines(checks: readonly Check[]): string[] {
  const place = ({ passed, of }: Check) => (passed === false ? (of === 'report' ? 3 : 2) : passed === null ? 1 : 0);
  const word = ({ passed, of }: Check) => (passed === null ? 'not run' : passed ? 'passed' : of === 'report' ? 'FAILED' : 'attack failed');
  return checks.toSorted((a, b) => place(a) - place(b)).map((check) => `${word(check).padEnd(13)} ${check.name}: ${check.detail}`);
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

/** Groups the shown parts by protocol, each with its index among all. */
function byProtocol(shown: readonly PartFigures[], all = shown): [string, { part: PartFigures; i: number }[]][] {
  const placed = shown.map((part) => ({ part, i: all.indexOf(part) }));
  return [...Map.groupBy(placed, ({ part }) => part.protocol)];
}

/** Names a part and describes it, without what is the same as in the part before. */
function describe({ name, about, paper, queries }: PartFigures, i: number, before: PartFigures | undefined, figures: Figures): string {
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
