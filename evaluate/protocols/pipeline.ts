import type { Attack } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { SEARCHED_TARGETS } from '../../attacks/search-attack.ts';
import { type Outcome, reclassifiedWrong, undetected } from '../measure/outcome.ts';
import { attackPart, type PartSize, SEARCH_WORK } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { radiiFor } from '../measure/radii.ts';
import { type About, screenCandidates } from '../measure/screen.ts';

const IMAGES = 50;
const AT_ONCE = 10;

/**
 * Attacks the edge and the search of Eq. 9 together. `reclassified wrongly`: the image is rejected at the edge, and the search takes it for
 * a wrong class. `accepted or reclassified wrongly`: that, or it is accepted as a wrong class.
 */
export const pipeline: Protocol = {
  name: 'pipeline',
  source: import.meta.url,
  about: `the edge and Eq. 9 together: rejected and reclassified wrongly, or accepted wrongly, ${IMAGES} images`,
  parts: ({ input }, { images, test }) => {
    const shared = { images: Math.min(images ?? IMAGES, test), atOnce: AT_ONCE };
    return suites.pipeline.flatMap(({ norm, search, edge }) =>
      radiiFor(input)[norm].flatMap((radius) => [pipelinePart(search, null, shared, radius), pipelinePart(search, edge, shared, radius)]),
    );
  },
};

/** @param edge the attack on the edge that is tried where the one on the search fails; null for none */
function pipelinePart(search: Attack, edge: Attack | null, shared: PartSize, radius: number): Part {
  const attack = edge
    ? { ...search, name: `accepted or ${search.name}`, about: `${search.about}; where that fails, ${edge.name} on the joint decision` }
    : search;
  const part = attackPart(attack, shared, { radius, search: true });
  return {
    ...part,
    work: search.cost + (edge?.cost ?? 0) + SEARCHED_TARGETS * SEARCH_WORK,
    sources: [...part.sources, ...(edge ? [edge.source] : [])],
    async run(context, inputs) {
      const about: About = { attack: attack.name, norm: search.norm, eps: radius };
      const candidatesOf = (one: Attack) => one.run(context.model, inputs.images, inputs.labels, radius, inputs.seeds);
      const fooled = await screenCandidates(context, inputs, await candidatesOf(search), about, true);
      const unchanged = await screenCandidates(context, inputs, null, about, true);
      const found = unchanged.map((itself) => mostWrong([itself, ...ofImage(fooled, itself)]));
      if (!edge || found.every((outcome) => rankOf(outcome) === RANKS.kept)) return found;
      const accepted = await screenCandidates(context, inputs, await candidatesOf(edge), about);
      return found.map((outcome) => (rankOf(outcome) < RANKS.kept ? mostWrong([outcome, ...ofImage(accepted, outcome)]) : outcome));
    },
  };
}

const ofImage = (outcomes: Outcome[], { image }: Outcome) => outcomes.filter((outcome) => outcome.image === image);

/** Ranks the pipeline's answers by how wrong they are. */
const RANKS = { kept: 3, keptByPaper: 2, keepAll: 1, accepted: 3 };

function rankOf(outcome: Outcome): number {
  if (undetected(outcome)) return RANKS.accepted;
  for (const rule of ['kept', 'keptByPaper', 'keepAll'] as const) if (reclassifiedWrong(rule)(outcome)) return RANKS[rule];
  return 0;
}

/** Picks the most wrong outcome, of several the nearest; its radius is null where the answer is not wrong. */
function mostWrong(outcomes: Outcome[]): Outcome {
  const [first] = outcomes.sort((a, b) => rankOf(b) - rankOf(a) || (a.radius ?? 0) - (b.radius ?? 0)) as [Outcome];
  return rankOf(first) >= RANKS.keptByPaper ? first : { ...first, radius: null };
}
