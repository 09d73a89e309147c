import { rate } from '../../shared/rate.ts';
import type { JobResult } from '../jobs/job.ts';
import {
  accepted,
  acceptedRight,
  asTarget,
  both,
  type Criterion,
  letIn,
  misclassified,
  not,
  type OtherFigure,
  type Outcome,
  pipelineRight,
  pipelineWrong,
  type Rule,
  reclassified,
  reclassifiedRight,
  reclassifiedWrong,
  undetected,
} from '../measure/outcome.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import { imagesOf } from './perturbations.ts';
import type { Condition, Paper, PartFigures, RuleFigures, UnknownKind } from './report-schema.ts';

/** With less than this share of the images accepted and right, the screen rejects nearly everything. */
const LEAST_ACCEPTED = 0.5;

const verdicts = { acceptedRight, acceptedWrong: undetected, rejected: not(accepted) };

const countOf = (outcomes: readonly Outcome[], criterion: Criterion) => outcomes.filter(criterion).length;

/** Counts what was accepted rightly, accepted wrongly and rejected, with intervals. */
export function verdictRates(outcomes: readonly Outcome[]) {
  const counted = (criterion: Criterion) => rate(countOf(outcomes, criterion), outcomes.length);
  return {
    acceptedRight: counted(verdicts.acceptedRight),
    acceptedWrong: counted(verdicts.acceptedWrong),
    rejected: counted(verdicts.rejected),
  };
}

/**
 * Counts the outcomes of a part, with intervals.
 *
 * @param classes number of classes, by which the outcomes of clean images are counted too
 */
export function partFigures(part: MeasuredPart, paper: Paper | null, classes = 0): PartFigures {
  const { protocol, name, about, attack, norm, eps, asked, seconds, outcomes, descriptor } = part;
  const [images, tried] = [imagesOf([part]).size, outcomes.length];
  const reasons = Map.groupBy(outcomes.filter(verdicts.rejected), ({ reason }) => reason ?? 'not said');
  return {
    ...{ protocol, name, about, attack, norm, eps, asked, images, tried, seconds, otherBundle: descriptor.otherBundle },
    ...verdictRates(outcomes),
    asTarget: descriptor.attack?.targeted ? rate(countOf(outcomes, both(undetected, asTarget)), tried) : null,
    ...(classes > 0 && isClean(part) ? { perClass: countsByClass(outcomes, classes) } : {}),
    imagesBroken: rate(new Set(outcomes.filter(undetected).map(({ image }) => image)).size, images),
    reasons: Object.fromEntries(Array.from(reasons, ([reason, { length }]) => [reason, length])),
    reclassified: reclassifiedFigures(outcomes),
    queries: queriesOf(outcomes),
    paper,
  };
}

function countsByClass(outcomes: readonly Outcome[], classes: number): NonNullable<PartFigures['perClass']> {
  return Array.from({ length: classes }, (_, y) => {
    const own = outcomes.filter(({ truth }) => truth === y);
    return {
      images: own.length,
      acceptedRight: countOf(own, verdicts.acceptedRight),
      acceptedWrong: countOf(own, verdicts.acceptedWrong),
      rejected: countOf(own, verdicts.rejected),
    };
  });
}

function reclassifiedFigures(outcomes: readonly Outcome[]): PartFigures['reclassified'] {
  const asked = countOf(outcomes, reclassified('keepAll'));
  if (asked === 0) return null;
  const by = (rule: Rule): RuleFigures => ({
    right: rate(countOf(outcomes, reclassifiedRight(rule)), asked),
    wrong: rate(countOf(outcomes, reclassifiedWrong(rule)), asked),
    rejectedStill: rate(asked - countOf(outcomes, reclassified(rule)), asked),
    pipelineRight: rate(countOf(outcomes, pipelineRight(rule)), outcomes.length),
    pipelineWrong: rate(countOf(outcomes, pipelineWrong(rule)), outcomes.length),
  });
  return { asked, kept: by('kept'), keptByPaper: by('keptByPaper'), keepAll: by('keepAll') };
}

function queriesOf(outcomes: readonly Outcome[]): PartFigures['queries'] {
  const queries = outcomes.flatMap((outcome) => outcome.queries ?? []).sort((a, b) => a - b);
  return queries.length === 0 ? null : { median: queries[queries.length >> 1] as number, most: queries.at(-1) as number };
}

/** Returns what became of test images under each natural corruption at each severity. */
export function conditionsOf(parts: readonly MeasuredPart[]): Condition[] {
  return parts.flatMap(({ name, descriptor: { corruption }, outcomes }) => {
    if (!corruption || outcomes.length === 0) return [];
    const rates = verdictRates(outcomes);
    const usable = rates.acceptedRight.count >= LEAST_ACCEPTED * outcomes.length;
    return [{ ...corruption, part: name, ...rates, usable }];
  });
}

const share = (outcomes: readonly Outcome[], criterion: Criterion) => rate(countOf(outcomes, criterion), outcomes.length);
/** An attack that finds the image accepted already leaves it as it is. */
const letInAsItIs = both(letIn, ({ radius }) => radius === 0);

/** Returns how many unknown images of each kind get in: kinds that were not trained on first, those that get in most often on top. */
export function unknownOf(parts: readonly MeasuredPart[]): UnknownKind[] {
  return parts
    .flatMap(({ name, about, descriptor: { unknown, attack }, outcomes }) =>
      unknown && outcomes.length > 0
        ? [
            {
              part: name,
              about,
              letIn: share(outcomes, letIn),
              asTheyAre: attack ? share(outcomes, letInAsItIs) : null,
              trainedOn: unknown.trainedOn,
            },
          ]
        : [],
    )
    .sort((a, b) => Number(a.trainedOn) - Number(b.trainedOn) || b.letIn.count / b.letIn.of - a.letIn.count / a.letIn.of);
}

/** Returns, for each corruption, the name of the mildest part from which on the screen rejects nearly everything. */
export function unusableConditions(conditions: readonly Condition[]): string[] {
  return [...Map.groupBy(conditions, ({ name }) => name).values()].flatMap((own) => {
    const sorted = own.toSorted((a, b) => a.severity - b.severity);
    const from = sorted.findLastIndex(({ usable }) => usable) + 1;
    return sorted[from]?.part ?? [];
  });
}

/**
 * Returns the share of clean test images whose nearest mean is right, before any threshold, in per cent: the first column of the paper's
 * table 1.
 *
 * @param paper the figure that the paper prints there; null where it prints none
 */
export function withoutThresholds(results: readonly JobResult[], paper: number | null): OtherFigure[] {
  const byProtocol = Map.groupBy(results.filter(isClean), ({ protocol }) => protocol);
  return Array.from(byProtocol, ([protocol, jobs]) => {
    const outcomes = jobs.flatMap((job) => job.outcomes);
    const right = countOf(outcomes, not(misclassified));
    return {
      ...{ protocol, name: 'right without thresholds, per cent of clean test images', paper },
      value: (100 * right) / outcomes.length,
      about: `${right} of ${outcomes.length}`,
    };
  });
}
