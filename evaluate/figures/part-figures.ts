import { rate } from '../../shared/rate.ts';
import type { JobResult } from '../jobs/job.ts';
import type { OtherFigure } from '../measure/outcome.ts';
import {
  accepted,
  acceptedRight,
  asTarget,
  both,
  type Criterion,
  misclassified,
  not,
  type Outcome,
  pipelineRight,
  pipelineWrong,
  type Rule,
  reclassified,
  reclassifiedRight,
  reclassifiedWrong,
  undetected,
} from '../measure/outcome.ts';
import { isClean, isTargeted, type MeasuredPart } from './measured-parts.ts';
import type { Paper } from './paper-figures.ts';
import { imagesOf } from './perturbations.ts';
import type { PartFigures, RuleFigures } from './report-schema.ts';

/**
 * Counts the outcomes of a part, with intervals.
 *
 * @param classes number of classes, by which the outcomes of clean images are counted too
 */
export function partFigures(part: MeasuredPart, paper: Paper | null, classes = 0): PartFigures {
  const { protocol, name, about, attack, norm, eps, asked, seconds, outcomes, descriptor } = part;
  const counted = (criterion: Criterion) => rate(outcomes.filter(criterion).length, outcomes.length);
  const images = imagesOf([part]).size;
  const reasons = Map.groupBy(outcomes.filter(not(accepted)), ({ reason }) => reason ?? 'not said');
  return {
    ...{ protocol, name, about, attack, norm, eps, asked, images, tried: outcomes.length, seconds, otherBundle: descriptor.otherBundle },
    acceptedRight: counted(acceptedRight),
    acceptedWrong: counted(undetected),
    rejected: counted(not(accepted)),
    asTarget: isTargeted(part) ? counted(both(undetected, asTarget)) : null,
    ...(classes > 0 && isClean(part) ? { perClass: countsByClass(outcomes, classes) } : {}),
    imagesBroken: rate(new Set(outcomes.filter(undetected).map(({ image }) => image)).size, images),
    reasons: Object.fromEntries(Array.from(reasons, ([reason, { length }]) => [reason, length])),
    reclassified: reclassifiedFigures(outcomes),
    queries: queriesOf(outcomes),
    paper,
  };
}

function countsByClass(outcomes: readonly Outcome[], classes: number): NonNullable<PartFigures['perClass']> {
  const members = Map.groupBy(outcomes, ({ truth }) => truth);
  return Array.from({ length: classes }, (_, y) => {
    const own = members.get(y) ?? [];
    const [right, wrong, rejected] = [acceptedRight, undetected, not(accepted)].map((criterion) => own.filter(criterion).length);
    return { images: own.length, acceptedRight: right as number, acceptedWrong: wrong as number, rejected: rejected as number };
  });
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
  const queries = outcomes.flatMap((outcome) => outcome.queries ?? []).sort((a, b) => a - b);
  return queries.length === 0 ? null : { median: queries[queries.length >> 1] as number, most: queries.at(-1) as number };
}

/**
 * Returns the share of clean test images whose nearest mean is right, before any threshold, in per cent: the first column of the paper's
 * table 1.
 *
 * @param paper the figure that the paper prints there; null where it prints none
 */
export function withoutThresholds(results: readonly JobResult[], paper: number | null): OtherFigure[] {
  const clean = results.filter(isClean);
  return Array.from(
    Map.groupBy(clean, ({ protocol }) => protocol),
    ([protocol, jobs]) => {
      const outcomes = jobs.flatMap((job) => job.outcomes);
      const right = outcomes.filter(not(misclassified)).length;
      return {
        ...{ protocol, name: 'right without thresholds, per cent of clean test images', paper },
        value: (100 * right) / outcomes.length,
        about: `${right} of ${outcomes.length}`,
      };
    },
  );
}
