import type { Attack, AttackedModel } from '../../attacks/attack.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import { CLEAN } from '../../shared/bundle/evidence-names.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { EvaluationContext } from './context.ts';
import { type Descriptor, descriptorOf } from './outcome.ts';
import type { Part } from './protocol.ts';
import { radiusText } from './radius-text.ts';
import { nearestSuccess, screenCandidates, screenImages } from './screen.ts';

/** The cost of reclassifying an image (Eq. 9), in gradients. */
export const SEARCH_WORK = 60;
/** The cost of a query, in gradients. */
const QUERY_WORK = 0.7;
/** The most images of a job. */
const AT_ONCE = 100;

export type PartSize = Pick<Part, 'images' | 'atOnce'>;

/** Returns the number of images, and how many of them fit into memory at once. */
export function partSize(screening: Screening, images: number, test: number, most = AT_ONCE): PartSize {
  return { images: Math.min(images, test), atOnce: imagesWithinMemory(screening.input, most, 4) };
}

/** Screens test images as they are. */
export function cleanPart(shared: PartSize, search = false): Part {
  return {
    ...shared,
    name: CLEAN,
    descriptor: descriptorOf({ images: 'clean', reclassifies: search }),
    work: 1 + (search ? SEARCH_WORK * 0.02 : 0),
    about: `${shared.images} test images as they are`,
    sources: [import.meta.url],
    run: (context, { images, numbers, labels }) => screenImages(context, { attack: CLEAN, images, numbers, truths: labels }, search),
  };
}

interface AttackOptions {
  /** null for an attack that has none */
  radius?: number | null;
  search?: boolean;
  /** what the attack is made on, where that is not the bundle alone */
  modelOf?(context: EvaluationContext): AttackedModel | Promise<AttackedModel>;
  /** of `modelOf` */
  sources?: readonly string[];
  /** begins with no test images */
  synthetic?: true;
  /** candidates of an image, for the estimate of the time of targeted attacks */
  targets?: number;
  /** where it is not made of the attack's name, norm and radius */
  name?: string;
  descriptor?: Partial<Descriptor>;
}

/** Runs an attack on test images, at its radius if it has one, and screens what it makes. */
export function attackPart(attack: Attack, shared: PartSize, options: AttackOptions = {}): Part {
  const { radius = null, search = false, modelOf = ({ model }) => model, sources = [], synthetic, targets = 1 } = options;
  const { knowledge, norm, kind, cost, targeted = false } = attack;
  const named = kind === 'minimum norm' ? `${attack.name}, ${norm}` : attack.name;
  const about = { attack: named, norm, eps: radius };
  return {
    ...shared,
    ...(synthetic && { synthetic }),
    name: options.name ?? (radius === null ? named : `${attack.name}, ${norm} ${radiusText(radius)}`),
    descriptor: descriptorOf({
      ...{ images: synthetic ? 'other' : 'attacked', radius, reclassifies: search },
      attack: { name: attack.name, knowledge, norm, kind, cost, targeted },
      ...options.descriptor,
    }),
    work: cost * targets * (knowledge === 'black-box' ? QUERY_WORK : 1) + 1 + (search ? SEARCH_WORK : 0),
    about: attack.about,
    sources: [attack.source, import.meta.url, ...sources],
    async run(context, inputs) {
      const { images, labels, seeds } = inputs;
      const candidates = await attack.run(await modelOf(context), images, labels, radius ?? Number.POSITIVE_INFINITY, seeds);
      const outcomes = await screenCandidates(context, inputs, candidates, about, search);
      if (attack.counts === 'every') return outcomes;
      const nearest = nearestSuccess(await screenCandidates(context, inputs, null, about, search), outcomes);
      return nearest.map((outcome, i) => ({ ...outcome, queries: candidates.queries?.[i] ?? null }));
    },
  };
}
