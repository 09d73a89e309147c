import { distances, type Norm } from '../../attacks/ball.ts';
import { imagesOf } from '../../attacks/rows.ts';
import { sizeOf } from '../../attacks/victim.ts';
import { imagesWithinMemory } from '../../node/bundle/images-within-memory.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified } from '../../shared/decision/decide.ts';
import type { Outcome } from './outcome.ts';
import type { Setup } from './setup.ts';

/** What was done to each image of a batch. */
export interface Attacked {
  attack: string;
  norm?: Norm;
  eps?: number;
  /** [N, H, W, C] flat: what is screened */
  images: Float32Array;
  /** [N, H, W, C] flat: what it was made from; absent where it was made from nothing */
  origins?: Float32Array;
  /** place, true class and wanted class of each */
  numbers: number[];
  truths: number[];
  targets?: number[];
  queries?: number[];
}

/** How many of a part keep their picture: its first images. */
const PICTURES = 6;
/** Most images screened at once; the verdicts do not depend on it. */
const AT_ONCE = 100;

/** The exported graph's verdict on each image; with `search` also what Eq. 9 makes of the rejected. */
export async function screened(setup: Setup, attacked: Attacked, search = false): Promise<Outcome[]> {
  const size = sizeOf(setup.screening.input);
  const { images, origins, norm } = attacked;
  const radii = origins && norm ? distances(images, origins, size, norm) : null;
  const outcomes: Outcome[] = [];
  const atOnce = imagesWithinMemory(setup.screening.input, AT_ONCE);
  for (let first = 0; first < attacked.numbers.length; first += atOnce) {
    const verdicts = await setup.screener.screen(images.slice(first * size, (first + atOnce) * size));
    for (const [i, { scores, decision }] of verdicts.entries()) {
      const at = first + i;
      outcomes.push({
        ...{ attack: attacked.attack, norm: norm ?? null, eps: attacked.eps ?? null, radius: radii?.[at] ?? null },
        ...{ image: attacked.numbers[at] as number, truth: attacked.truths[at] as number, target: attacked.targets?.[at] ?? null },
        ...{ label: scores.label, accepted: decision.accepted, reason: decision.accepted ? null : decision.reason },
        latentDistance: finite(scores.latentDistance),
        reconstructionError: finite(scores.reconstructionError),
        relativeError: finite(scores.relativeError),
        reclassified: null,
        queries: attacked.queries?.[at] ?? null,
        picture: (attacked.numbers[at] as number) < PICTURES ? picture(images.subarray(at * size, (at + 1) * size)) : null,
      });
    }
  }
  if (search) await reclassify(setup, images, outcomes);
  return outcomes;
}

async function reclassify(setup: Setup, images: Float32Array, outcomes: Outcome[]): Promise<void> {
  const rejected = outcomes.flatMap(({ accepted }, i) => (accepted ? [] : [i]));
  if (rejected.length === 0) return;
  const { thresholds, input } = setup.screening;
  const found = await (await setup.reclassifier()).reclassify(imagesOf(images, rejected, sizeOf(input)));
  for (const [i, scores] of found.entries()) {
    const keptWith = (minMargin: number) => decideReclassified(scores, thresholds, { keepAll: false, minMargin }).accepted;
    const outcome = outcomes[rejected[i] as number] as Outcome;
    outcome.reclassified = { label: scores.label, kept: keptWith(DEFAULT_MIN_MARGIN), keptByPaper: keptWith(1) };
  }
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

const picture = (image: Float32Array) => Buffer.from(Uint8Array.from(image, (value) => Math.round(value * 255))).toString('base64');
