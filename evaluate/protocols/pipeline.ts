import type { Norm } from '../../attacks/ball.ts';
import { descend } from '../../attacks/descend.ts';
import { reclassifiedWrongly } from '../../attacks/reclassified-wrongly.ts';
import { DEFAULT_MIN_MARGIN } from '../../shared/decision/decide.ts';
import { RADII } from './adaptive.ts';
import { imageRows } from './attack-rows.ts';
import { type Outcome, reclassifiedWrong, undetected } from './outcome.ts';
import type { Chosen, Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';
import type { Setup } from './setup.ts';

const IMAGES = 50;
const AT_ONCE = 10;
const TARGETS = 4;
const STEPS = 100;
/** What a step costs beside a gradient: both searches go on with it. And a run of the exported search. */
const WORK = { step: 2.5, search: 60 };

/**
 * The pipeline as a whole: what the edge rejects is searched for by Eq. 9, and that is attacked too. `reclassified wrongly`: rejected at the edge and taken for a wrong
 * class by the search; `either`: that, or accepted as a wrong class.
 *
 * @param images how many were asked for; undefined for the protocol's own number
 * @param test test images that there are
 */
function pipelineParts(images: number | undefined, test: number): Part[] {
  const shared = { images: Math.min(images ?? IMAGES, test), atOnce: AT_ONCE };
  return (['linf', 'l2'] as const).flatMap((norm) =>
    RADII[norm].flatMap((eps) => [false, true].map((either) => ({ ...shared, ...pipelinePart(norm, eps, either) }))),
  );
}

export const pipeline: Protocol = {
  name: 'pipeline',
  source: import.meta.url,
  about: `rejected at the edge and reclassified wrongly by Eq. 9, or either, ${IMAGES} images`,
  parts: (_, { images, test }) => pipelineParts(images, test),
};

function pipelinePart(norm: Norm, eps: number, either: boolean): Omit<Part, 'images' | 'atOnce'> {
  const attack = either ? 'accepted or reclassified wrongly' : 'reclassified wrongly';
  return {
    name: `${attack}, ${norm} ${eps}`,
    work: TARGETS * (STEPS * (WORK.step + (either ? 1 : 0)) + WORK.search),
    about: `rejected at the edge and taken for a wrong class by Eq. 9, ${TARGETS} targets x ${STEPS} steps, the search within the attack${either ? '; where that fails, PGD from outside on the joint decision' : ''}`,
    async run(setup, chosen) {
      const about = { attack, norm, eps };
      const found = await searchAttacked(setup, chosen, about);
      if (!either) return found;
      const left = found.flatMap((outcome, i) => (rankOf(outcome) < RANKS.kept ? [i] : []));
      const accepted = await descended(setup, chosen, about);
      return found.map((outcome, i) =>
        left.includes(i) ? best([outcome, ...accepted.filter(({ image }) => image === outcome.image)]) : outcome,
      );
    },
  };
}

interface About {
  attack: string;
  norm: Norm;
  eps: number;
}

/** Of each image the row that the pipeline as a whole answers most wrongly; the image itself where that is no better. */
async function searchAttacked(setup: Setup, chosen: Chosen, about: About): Promise<Outcome[]> {
  const { norm, eps } = about;
  const { rows, of } = await imageRows(setup, chosen, { from: 'image', targets: TARGETS, neighbours: 1 });
  const labels = of.map((i) => chosen.labels[i] as number);
  const images =
    of.length > 0
      ? reclassifiedWrongly(setup.victim, rows, labels, { norm, eps }, { steps: STEPS, minMargin: DEFAULT_MIN_MARGIN })
      : rows.origins;
  const numbers = of.map((i) => chosen.numbers[i] as number);
  const attacked = { ...about, images, origins: rows.origins, numbers, truths: labels, targets: rows.targets };
  const outcomes = await screened(setup, attacked, true);
  const clean = { ...about, images: chosen.images, origins: chosen.images, numbers: chosen.numbers, truths: chosen.labels };
  const untouched = await screened(setup, clean, true);
  return untouched.map((itself) => best([itself, ...outcomes.filter(({ image }) => image === itself.image)]));
}

async function descended(setup: Setup, chosen: Chosen, about: About): Promise<Outcome[]> {
  const { norm, eps } = about;
  const { rows, of } = await imageRows(setup, chosen, { from: 'outside', targets: TARGETS, neighbours: 1 });
  if (of.length === 0) return [];
  const { images } = descend(setup.victim, { ...rows, groups: of }, { norm, eps }, { steps: STEPS, objective: 'hinges', walk: 'adam' });
  const numbers = of.map((i) => chosen.numbers[i] as number);
  const truths = of.map((i) => chosen.labels[i] as number);
  return screened(setup, { ...about, images, origins: rows.origins, numbers, truths, targets: rows.targets });
}

/** How wrong the pipeline's answer is. */
const RANKS = { kept: 3, keptByPaper: 2, keepAll: 1, accepted: 3 };

function rankOf(outcome: Outcome): number {
  if (undetected(outcome)) return RANKS.accepted;
  for (const rule of ['kept', 'keptByPaper', 'keepAll'] as const) if (reclassifiedWrong(rule)(outcome)) return RANKS[rule];
  return 0;
}

/** The most wrong one, the nearest of those; its radius is null where the answer is not wrong. */
function best(outcomes: Outcome[]): Outcome {
  const [first] = outcomes.sort((a, b) => rankOf(b) - rankOf(a) || (a.radius ?? 0) - (b.radius ?? 0)) as [Outcome];
  return rankOf(first) >= RANKS.keptByPaper ? first : { ...first, radius: null };
}
