import { type Outcome, undetected } from '../outcome.ts';
import { imagesIn } from './broken-radii.ts';
import type { MeasuredPart } from './measured-parts.ts';
import { rate } from './rate.ts';
import type { Paper, PartFigures, RuleFigures } from './report-schema.ts';

type Reclassified = NonNullable<Outcome['reclassified']>;

/** How a found latent is taken: as deployed, as the paper's rule says, or always. */
const RULES: Record<'kept' | 'keptByPaper' | 'keepAll', (found: Reclassified) => boolean> = {
  kept: ({ kept }) => kept,
  keptByPaper: ({ keptByPaper }) => keptByPaper,
  keepAll: () => true,
};

/** What became of a part's images, as counts with their intervals. */
export function partFigures(part: MeasuredPart, paper: Paper | null): PartFigures {
  const { protocol, name, about, attack, norm, eps, asked, seconds, outcomes } = part;
  const counted = (is: (outcome: Outcome) => boolean) => rate(outcomes.filter(is).length, outcomes.length);
  const images = imagesIn([part]).size;
  return {
    ...{ protocol, name, about, attack, norm, eps, asked, images, tried: outcomes.length, seconds },
    acceptedRight: counted(({ accepted, label, truth }) => accepted && label === truth),
    acceptedWrong: counted(undetected),
    rejected: counted(({ accepted }) => !accepted),
    imagesBroken: rate(new Set(outcomes.filter(undetected).map(({ image }) => image)).size, images),
    reasons: Object.fromEntries(
      Array.from(
        Map.groupBy(
          outcomes.filter(({ accepted }) => !accepted),
          ({ reason }) => reason ?? 'not said',
        ),
        ([reason, { length }]) => [reason, length],
      ),
    ),
    reclassified: reclassifiedFigures(outcomes),
    queries: queriesOf(outcomes),
    paper,
  };
}

function reclassifiedFigures(outcomes: readonly Outcome[]): PartFigures['reclassified'] {
  const asked = outcomes.filter(({ reclassified }) => reclassified !== null).length;
  if (asked === 0) return null;
  const all = outcomes.length;
  const by = (takes: (found: Reclassified) => boolean): RuleFigures => {
    const taken = outcomes.filter(({ reclassified }) => reclassified && takes(reclassified));
    const right = taken.filter(({ reclassified, truth }) => reclassified?.label === truth).length;
    const acceptedRight = outcomes.filter(({ accepted, label, truth }) => accepted && label === truth).length;
    const wrong = taken.length - right;
    return {
      ...{ right: rate(right, asked), wrong: rate(wrong, asked), rejectedStill: rate(asked - taken.length, asked) },
      pipelineRight: rate(acceptedRight + right, all),
      pipelineWrong: rate(outcomes.filter(undetected).length + wrong, all),
    };
  };
  return { asked, kept: by(RULES.kept), keptByPaper: by(RULES.keptByPaper), keepAll: by(RULES.keepAll) };
}

function queriesOf(outcomes: readonly Outcome[]): PartFigures['queries'] {
  const asked = outcomes.flatMap(({ queries }) => queries ?? []).sort((a, b) => a - b);
  return asked.length === 0 ? null : { median: asked[asked.length >> 1] as number, most: asked.at(-1) as number };
}
