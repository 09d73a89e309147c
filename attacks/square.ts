import { randomFrom } from '../shared/random.ts';
import type { Budget } from './ball.ts';
import { type Answer, type Attacked, type Found, isBroken, limited, type Oracle } from './oracle.ts';
import { l2Moves } from './square-l2.ts';
import { linfMoves } from './square-linf.ts';

/** Share of the pixels that the first squares have; halved at each of these shares of all questions (of 10,000 in the paper). */
const FIRST_SHARE = { linf: 0.8, l2: 0.1 };
const HALVED_AT = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
/** The loss of an image that is still nearest to its own class lies above that of all others. */
const OWN_CLASS = 50;

/**
 * Square attack (Andriushchenko et al., ECCV 2020): random squares that are kept where they bring the largest log(score / threshold) of a wrong
 * class down. It sees what the door's `explain` shows: nearest class, scores and thresholds; no gradient.
 *
 * @param queries asked at most; it stops at the first image that is accepted as a wrong class
 */
export async function square(oracle: Oracle, attacked: Attacked, budget: Budget, queries: number): Promise<Found> {
  const { ask, left, queries: asked } = limited(oracle, attacked.image.length, queries);
  const random = randomFrom(attacked.seed, 'square');
  const moves = budget.norm === 'linf' ? linfMoves(attacked, budget.eps, random) : l2Moves(attacked, budget.eps, random);
  let best: Float32Array | null = null;
  let least = Number.POSITIVE_INFINITY;
  while (left() > 0) {
    const image: Float32Array = best ? moves.next(best, shareAt(asked() / queries) * FIRST_SHARE[budget.norm]) : moves.first();
    const [answer] = (await ask(image)) as [Answer];
    if (isBroken(answer, attacked.truth)) return { image, queries: asked() };
    const loss = lossOf(answer, attacked.truth);
    if (best && loss > least) continue;
    [best, least] = [image, loss];
  }
  return { image: null, queries: asked() };
}

/** What is made small: below 0 where the image is accepted as a wrong class. */
function lossOf({ label, logRatios }: Answer, truth: number): number {
  if (!logRatios) throw new TypeError('the oracle shows no scores: the square attack needs them');
  return label === truth ? OWN_CLASS - (logRatios[0] as number) : Math.max(...logRatios);
}

const shareAt = (done: number) => 0.5 ** HALVED_AT.filter((at) => done > at).length;
