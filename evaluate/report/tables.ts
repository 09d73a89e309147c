import { NORMS } from '../../attacks/steps/projection.ts';
import { escaped, table } from '../../trainer/report/html.ts';
import type { Check, Paper, PartFigures, Report } from '../figures/report-schema.ts';
import type { Figures } from './figures.ts';
import { mainUnion } from './summary.ts';

type PaperFigure = Exclude<keyof Paper, 'note'>;

const small = (html: string) => `<br><small>${html}</small>`;

/** Tables of what was accepted rightly, accepted wrongly and rejected, one for each protocol, with the figures that the paper prints. */
export function outcomeTables({ parts }: Report, figures: Figures): string {
  return byProtocol(parts)
    .map(([protocol, own]) => {
      const aimed = own.some(({ part }) => part.asTarget);
      const rows = own.map(({ part, path }, place) => [
        describe(part, path, own[place - 1]?.part, figures),
        figures.number(`${path}.images`) + (part.tried === part.images ? '' : small(`${figures.number(`${path}.tried`)} tries`)),
        ...(['acceptedRight', 'acceptedWrong', 'rejected'] as const).map(
          (name) => figures.rate(`${path}.${name}`) + paperOf(part, path, name, figures),
        ),
        ...(aimed ? [part.asTarget ? figures.rate(`${path}.asTarget`) : ''] : []),
      ]);
      const heads = ['', 'images', 'accepted, right', 'accepted, wrong', 'rejected', ...(aimed ? ['accepted as the class aimed at'] : [])];
      return `<h3>${escaped(protocol)}</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** A table of what is accepted and right: a row for each corruption, a column for each severity, with the strength in words. */
export function conditionsTable({ conditions }: Report, figures: Figures): string {
  const severities = [...new Set(conditions.map(({ severity }) => severity))].sort();
  const rows = [...new Set(conditions.map(({ name }) => name))].map((name) => [
    escaped(name),
    ...severities.map((severity) => {
      const i = conditions.findIndex((each) => each.name === name && each.severity === severity);
      if (i < 0) return '';
      const [, words = ''] = (conditions[i]?.part ?? '').split(/: (.*)/);
      return figures.rate(`conditions.${i}.acceptedRight`) + small(escaped(words));
    }),
  ]);
  return table(['accepted, right', ...severities.map((severity) => `severity ${severity}`)], rows);
}

/** A table of how many unknown images of each kind get in. */
export function unknownTable({ unknown }: Report, figures: Figures): string {
  const attacked = unknown.some(({ asTheyAre }) => asTheyAre);
  const rows = unknown.map(({ part, about, trainedOn, asTheyAre }, i) => [
    ...[escaped(about), escaped(part), figures.rate(`unknown.${i}.letIn`)],
    ...(attacked ? [asTheyAre ? figures.rate(`unknown.${i}.asTheyAre`) : ''] : []),
    trainedOn ? 'yes' : 'no',
  ]);
  return rows.length > 0 ? table(['of', 'kind', 'accepted', ...(attacked ? ['as they are'] : []), 'shown in training'], rows) : '';
}

/** The rules that take or refuse the class that the search found. */
const RULES = { kept: 'as deployed', keptByPaper: "the paper's: both thresholds, no margin", keepAll: 'every class kept' } as const;

/** Tables of what reclassification did with the rejected images, and of edge and search together. */
export function reclassifiedTables({ parts }: Report, figures: Figures): string {
  const searched = byProtocol(parts, ({ reclassified }) => reclassified !== null);
  const rowsOf = ({ part, path }: PlacedPart) => [
    [`${escaped(part.name)} <small>${figures.number(`${path}.reclassified.asked`)} rejected images searched</small>`],
    ...Object.entries(RULES).map(([rule, title]) => {
      const rate = (name: string) => figures.rate(`${path}.reclassified.${rule}.${name}`);
      const printed = (name: PaperFigure) => (rule === 'keepAll' ? paperOf(part, path, name, figures) : '');
      return [
        title,
        rate('right') + printed('reclassifiedRight'),
        rate('wrong'),
        rate('rejectedStill'),
        rate('pipelineRight') + printed('pipelineRight'),
        rate('pipelineWrong'),
      ];
    }),
  ];
  const heads = ['rule', 'right', 'wrong', 'still rejected', 'of all images: right', 'of all images: wrong'];
  return searched.map(([protocol, own]) => `<h3>${escaped(protocol)}</h3>${table(heads, own.flatMap(rowsOf))}`).join('');
}

/** Tables of the attacks in each norm's union, and of which of them found the nearest images. */
export function unionTables(report: Report, figures: Figures): string {
  return NORMS.flatMap((norm) => mainUnion(report, norm) ?? [])
    .map(({ worst: { name, norm, attacks }, path }) => {
      const sorted = attacks.map((attack, i) => ({ ...attack, at: `${path}.attacks.${i}` })).sort((a, b) => b.nearest - a.nearest);
      const rows = sorted.map(({ attack, about, protocol, radii, at }) => [
        escaped(attack) + small(escaped(about)),
        escaped(protocol),
        radii.map((_, j) => figures.radius(`${at}.radii.${j}`)).join(', ') || 'searches for the smallest',
        figures.number(`${at}.tried`),
        figures.number(`${at}.nearest`),
      ]);
      const heads = ['attack', 'protocol', 'radii', 'images', 'smallest change found'];
      return `<h3>${norm}: ${escaped(name)}, ${figures.number(`${path}.images`)} images</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** Tables of what each budget of a sweep breaks, one for each norm. */
export function convergenceTables({ convergence }: Report, figures: Figures): string {
  return convergence
    .map(({ norm, budgets, at }, i) => {
      const path = `convergence.${i}`;
      const rows = at.map(({ converged }, j) => [
        figures.radius(`${path}.at.${j}.radius`),
        ...budgets.map((_, k) => figures.rate(`${path}.at.${j}.broken.${k}`)),
        converged ? 'yes' : '<b class="loud">NO</b>',
      ]);
      const heads = ['radius', ...budgets.map((budget) => `x${budget} the gradients`), 'converged'];
      return `<h3>${norm}, ${figures.number(`${path}.images`)} images</h3>${table(heads, rows)}`;
    })
    .join('');
}

/** A table of what is proven, and of what the attacks found on the same images. */
export function certificatesTable({ certificates }: Report, figures: Figures): string {
  const rows = certificates.map(({ norm, attacked }, i) => {
    const path = `certificates.${i}`;
    return [
      `${figures.radius(`${path}.radius`)} <small>${norm}</small>`,
      figures.rate(`${path}.proven`),
      figures.number(`${path}.withstood`),
      figures.number(`${path}.rejectedClean`),
      ...(attacked ? [figures.rate(`${path}.attacked.found`), figures.rate(`${path}.attacked.proven`)] : ['not attacked', '']),
    ];
  });
  const heads = [
    'radius',
    'not proven impossible',
    'safe, accepted',
    'safe, rejected',
    'attacked too: found',
    'of those: not proven impossible',
  ];
  return rows.length > 0 ? table(heads, rows) + small(escaped(certificates[0]?.about ?? '')) : '';
}

/** A table of the checks, those that failed first. */
export function sanityTable({ sanity }: Report): string {
  const order = ({ passed }: Check) => (passed === false ? 0 : passed === null ? 1 : 2);
  const rows = sanity
    .toSorted((a, b) => order(a) - order(b))
    .map((check) => [
      escaped(check.name) + small(escaped(check.detail)),
      check.of === 'attack' ? 'this attack' : 'the report',
      check.passed === null ? 'not run' : check.passed ? 'passed' : '<b class="loud">FAILED</b>',
    ]);
  return table(['check', 'concerns', ''], rows, 'wide');
}

/** Formats the checks for a terminal, those that failed last. */
export function sanityLines(checks: readonly Check[]): string[] {
  const place = ({ passed, of }: Check) => (passed === false ? (of === 'report' ? 3 : 2) : passed === null ? 1 : 0);
  const words = ['passed', 'not run', 'attack failed', 'FAILED'];
  return checks.toSorted((a, b) => place(a) - place(b)).map((check) => `${words[place(check)]?.padEnd(13)} ${check.name}: ${check.detail}`);
}

export function othersTable({ others }: Report, figures: Figures): string {
  const rows = others.map(({ protocol, name, about }, i) => [
    escaped(name) + small(escaped(about)),
    escaped(protocol),
    figures.number(`others.${i}.value`),
    figures.number(`others.${i}.paper`),
  ]);
  return table(['', 'protocol', 'measured', 'the paper'], rows);
}

/** A part with its path in the report. */
type PlacedPart = { part: PartFigures; path: string };

/** Groups the parts that are shown by protocol. */
function byProtocol(parts: readonly PartFigures[], isShown: (part: PartFigures) => boolean = () => true): [string, PlacedPart[]][] {
  const placed = parts.map((part, i) => ({ part, path: `parts.${i}` })).filter(({ part }) => isShown(part));
  return [...Map.groupBy(placed, ({ part }) => part.protocol)];
}

/** Names a part and describes it, without what is the same as in the part before. */
function describe({ name, about, paper, queries }: PartFigures, path: string, before: PartFigures | undefined, figures: Figures): string {
  const lines = [
    about === before?.about ? '' : escaped(about),
    queries && `${figures.number(`${path}.queries.median`)} queries an image (median), ${figures.number(`${path}.queries.most`)} at most`,
    paper?.note && paper.note !== before?.paper?.note ? `the paper: ${escaped(paper.note)}` : '',
  ].filter(Boolean);
  return escaped(name) + (lines.length > 0 ? small(lines.join('; ')) : '');
}

function paperOf({ paper }: PartFigures, path: string, name: PaperFigure, figures: Figures): string {
  return paper && paper[name] !== null ? `<small class="paper">paper: ${figures.number(`${path}.paper.${name}`)} %</small>` : '';
}
