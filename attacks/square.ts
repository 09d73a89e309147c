import { randomFrom } from '../shared/random.ts';
import type { Answer, Attack, Oracle } from './attack.ts';
import { eachImage, isBroken, limited, type QueriedImage, type QueryResult, wrongClassLoss } from './oracle.ts';
import { l2Moves, linfMoves } from './square-moves.ts';
import type { DenseNorm } from './steps/projection.ts';

/** Share of the pixels in the first squares; halved at each of these shares of all queries (of 10,000 in the paper). */
const FIRST_SHARE = { linf: 0.8, l2: 0.1 };
const HALVED_AT = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];

/** The square attack (Andriushchenko et al., ECCV 2020), which sees scores and thresholds but no gradients. */
export const square = ({ norm, queries = 1000 }: { norm: DenseNorm; queries?: number }): Attack => ({
  name: 'Square with scores',
  ...{ knowledge: 'black-box', norm, kind: 'fixed radius', cost: queries, counts: 'best', source: import.meta.url },
  about: `scores and verdicts, no gradients: at most ${queries} queries an image`,
  run: (model, images, labels, radius, seeds) => {
    const oracle = model.oracle('scores');
    return eachImage(model.input, images, labels, seeds, (image) => squareSearch(oracle, image, { norm, radius }, queries));
  },
});

/**
 * Tries random squares and keeps those that lower the largest log(score / threshold) of a wrong class.
 *
 * @param queries at most; the search stops at the first image that is accepted as a wrong class
 */
export async function squareSearch(
  oracle: Oracle,
  attacked: QueriedImage,
  { norm, radius }: { norm: DenseNorm; radius: number },
  queries: number,
): Promise<QueryResult> {
  const { ask, left, queries: asked } = limited(oracle, attacked.image.length, queries);
  const random = randomFrom(attacked.seed, 'square');
  const moves = norm === 'linf' ? linfMoves(attacked, radius, random) : l2Moves(attacked, radius, random);
  let best: Float32Array | null = null;
  let least = Number.POSITIVE_INFINITY;
  while (left() > 0) {
    const image: Float32Array = best ? moves.next(best, shareAt(asked() / queries) * FIRST_SHARE[norm]) : moves.first();
    const [answer] = (await ask(image)) as [Answer];
    if (isBroken(answer, attacked.truth)) return { image, queries: asked() };
    const loss = wrongClassLoss(answer, attacked.truth);
    if (best && loss > least) continue;
    [best, least] = [image, loss];
  }
  return { image: null, queries: asked() };
}

const shareAt = (done: number) => 0.5 ** HALVED_AT.filter((at) => done > at).length;
