import type { Candidates } from '../../attacks/attack.ts';
import { distances, type Norm } from '../../attacks/steps/projection.ts';
import { selectImages, sizeOf } from '../../attacks/tensors.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified } from '../../shared/decision/decide.ts';
import { type RequiredScore, SCORE_NAMES } from '../../shared/score-table.ts';
import type { EvaluationContext, JobInputs } from './context.ts';
import { type Outcome, undetected } from './outcome.ts';

/** Names the attack in the outcomes of images. */
export interface About {
  attack: string;
  norm?: Norm | null;
  eps?: number | null;
}

/** Images to be screened. */
export interface Screened extends About {
  /** [N, H, W, C] flat */
  images: Float32Array;
  /** [N, H, W, C] flat: what each was made from; absent where it was made from nothing */
  origins?: Float32Array;
  /** place, true class and target of each; -1 for each where `truths` is absent, as for unknown images */
  numbers: number[];
  truths?: number[];
  targets?: number[] | undefined;
}

/** Keeps the pictures of a part's first images. */
const PICTURES = 6;
/** The most images that are screened at once; the verdicts do not depend on it. */
const AT_ONCE = 100;

/** Screens images by the exported graph; with `search`, reclassifies the rejected ones too (Eq. 9). */
export async function screenImages(
  context: EvaluationContext,
  { images, origins, attack, norm = null, eps = null, numbers, truths, targets }: Screened,
  search = false,
): Promise<Outcome[]> {
  const size = sizeOf(context.screening.input);
  const radii = origins && norm ? distances(images, origins, context.screening.input, norm) : null;
  const outcomes: Outcome[] = [];
  const atOnce = imagesWithinMemory(context.screening.input, AT_ONCE);
  for (let first = 0; first < numbers.length; first += atOnce) {
    const verdicts = await context.screener.screen(images.slice(first * size, (first + atOnce) * size));
    for (const [i, { scores, decision }] of verdicts.entries()) {
      const at = first + i;
      const image = numbers[at] as number;
      outcomes.push({
        ...{ attack, norm, eps, radius: radii?.[at] ?? null, image, truth: truths?.[at] ?? -1, target: targets?.[at] ?? null },
        ...{ label: scores.label, accepted: decision.accepted, reason: decision.accepted ? null : decision.reason },
        ...(Object.fromEntries(SCORE_NAMES.map((name) => [name, finite(scores[name])])) as Record<RequiredScore, number | null>),
        ...{ reclassified: null, queries: null },
        picture: image < PICTURES ? picture(images.subarray(at * size, (at + 1) * size)) : null,
      });
    }
  }
  if (search) await reclassify(context, images, outcomes);
  return outcomes;
}

async function reclassify(context: EvaluationContext, images: Float32Array, outcomes: Outcome[]): Promise<void> {
  const rejected = outcomes.flatMap(({ accepted }, i) => (accepted ? [] : [i]));
  if (rejected.length === 0) return;
  const { thresholds, input } = context.screening;
  const found = await (await context.reclassifier()).reclassify(selectImages(images, rejected, sizeOf(input)));
  for (const [i, scores] of found.entries()) {
    const keptWith = (minMargin: number) => decideReclassified(scores, thresholds, { keepAll: false, minMargin }).accepted;
    const outcome = outcomes[rejected[i] as number] as Outcome;
    outcome.reclassified = { label: scores.label, kept: keptWith(DEFAULT_MIN_MARGIN), keptByPaper: keptWith(0) };
  }
}

/** Screens every candidate of an attack; without `candidates` the test images as they are. */
export function screenCandidates(
  context: EvaluationContext,
  inputs: JobInputs,
  candidates: Candidates | null,
  about: About,
  search = false,
): Promise<Outcome[]> {
  const { images, of, targets }: Candidates = candidates ?? { images: inputs.images, of: [...inputs.labels.keys()] };
  const made = { ...about, images, targets, numbers: of.map((i) => inputs.numbers[i] as number) };
  if (inputs.labels.length === 0) return screenImages(context, made, search);
  const origins = selectImages(inputs.images, of, sizeOf(context.screening.input));
  return screenImages(context, { ...made, origins, truths: of.map((i) => inputs.labels[i] as number) }, search);
}

/**
 * Picks the nearest candidate of each image that is accepted as a wrong class. The image itself stands for it where that already is, or
 * where there is none.
 */
export function nearestSuccess(unchanged: Outcome[], candidates: Outcome[]): Outcome[] {
  return unchanged.map((itself) => {
    const found = [itself, ...candidates.filter(({ image }) => image === itself.image)].filter(undetected);
    const nearest = found.sort((a, b) => (a.radius as number) - (b.radius as number))[0];
    return nearest ?? { ...itself, radius: null };
  });
}

const finite = (value: number | undefined) => (value === undefined || Number.isFinite(value) ? value : null);

const picture = (image: Float32Array) => Buffer.from(Uint8Array.from(image, (value) => Math.round(value * 255))).toString('base64');
