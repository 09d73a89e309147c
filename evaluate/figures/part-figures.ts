import {
  accepted,
  acceptedRight,
  asTarget,
  both,
  type Criterion,
  not,
  type Outcome,
  pipelineRight,
  pipelineWrong,
  type Rule,
  reclassified,
  reclassifiedRight,
  reclassifiedWrong,
  undetected,
} from '../outcome.ts';
import { imagesIn } from './broken-radii.ts';
import { isAimed, type MeasuredPart } from './measured-parts.ts';
import { rate } from './rate.ts';
import type { Paper, PartFigures, RuleFigures } from './report-schema.ts';

/** What became of a part's images, as counts with their intervals. */
export function partFigures(part: MeasuredPart, paper: Paper | null): PartFigures {
  const { protocol, name, about, attack, norm, eps, asked, seconds, outcomes } = part;
  const counted = (criterion: Criterion) => rate(outcomes.filter(criterion).length, outcomes.length);
  const images = imagesIn([part]).size;
  return {
    ...{ protocol, name, about, attack, norm, eps, asked, images, tried: outcomes.length, seconds },
    acceptedRight: counted(acceptedRight),
    acceptedWrong: counted(undetected),
    rejected: counted(not(accepted)),
    asTarget: isAimed(part) ? counted(both(undetected, asTarget)) : null,
    imagesBroken: rate(new Set(outcomes.filter(undetected).map(({ image }) => image)).size, images),
    reasons: Object.fromEntries(
      Array.from(
        Map.groupBy(outcomes.filter(not(accepted)), ({ reason }) => reason ?? 'not said'),
        ([reason, { length }]) => [reason, length],
      ),
    ),
    reclassified: reclassifiedFigures(outcomes),
    queries: queriesOf(outcomes),
    paper,
  };
}

function reclassifiedFigures(outcomes: readonly Outcome[]): PartFigures['reclassified'] {
  const count = (criterion: Criterion) => outcomes.filter(criterion).length;
  const asked = count(reclassified('keepAll'));
  if (asked === 0) return null;
  const by = (rule: Rule): RuleFigures => ({
    right: rate(count(reclassifiedRight(rule)), asked),
    wrong: rate(count(reclassifiedWrong(rule)), asked),
    rejectedStill: rate(asked - count(reclassified(rule)), asked),
    pipelineRight: rate(count(pipelineRight(rule)), outcomes.length),
    pipelineWrong: rate(count(pipelineWrong(rule)), outcomes.length),
  });
  return { asked, kept: by('kept'), keptByPaper: by('keptByPaper'), keepAll: by('keepAll') };
}

function queriesOf(outcomes: readonly Outcome[]): PartFigures['queries'] {
  const asked = outcomes.flatMap(({ queries }) => queries ?? []).sort((a, b) => a - b);
  return asked.length === 0 ? null : { median: asked[asked.length >> 1] as number, most: asked.at(-1) as number };
}
