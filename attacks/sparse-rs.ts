import { type Random, randomFrom } from '../shared/random.ts';
import type { Answer, Attack, Oracle } from './attack.ts';
import { eachImage, isBroken, limited, nearestWrong, type QueriedImage, type QueryResult, wrongClassLoss } from './oracle.ts';

/** Share of the pixels that the first moves exchange. */
const FIRST_SHARE = 0.3;
/** Divisors of that share, each from this share of all queries on (of 10,000 in the paper). */
const DIVISORS = [
  [0, 2],
  [0.005, 4],
  [0.02, 5],
  [0.05, 6],
  [0.1, 8],
  [0.2, 10],
  [0.4, 12],
  [0.6, 15],
  [0.8, 20],
] as const;

/**
 * Sparse-RS (Croce et al., AAAI 2022) on the joint decision, which sees scores and thresholds but no gradients. Unlike the paper's it begins
 * at an own image of a wrong class: random pixels alone are no strokes, so their reconstruction errors are large.
 */
export const sparseRs = ({ queries = 1000 }: { queries?: number } = {}): Attack => ({
  name: 'Sparse-RS with scores',
  ...{ knowledge: 'black-box', norm: 'l0', kind: 'fixed radius', cost: queries, counts: 'best', source: import.meta.url },
  about: `scores and verdicts, no gradients, from the pixels of an own image: at most ${queries} queries an image`,
  run: (model, images, labels, radius, seeds) => {
    const oracle = model.oracle('scores');
    return eachImage(model.input, images, labels, seeds, async (image) => {
      const start = await nearestWrong(model, image);
      return start ? sparseSearch(oracle, image, start, radius, queries) : { image: null, queries: 0 };
    });
  },
});

/**
 * Exchanges some of the changed pixels for others, at random, and keeps what does not raise the loss. A pixel takes the value of `start`, or
 * 0 or 1 in each channel.
 *
 * @param start begins with the pixels in which this image differs most
 * @param pixels that may change at most
 * @param queries at most; the search stops at the first image that is accepted as a wrong class
 */
export async function sparseSearch(
  oracle: Oracle,
  attacked: QueriedImage,
  start: Float32Array,
  pixels: number,
  queries: number,
): Promise<QueryResult> {
  const { image: origin, truth, channels } = attacked;
  const { ask, left, queries: asked } = limited(oracle, origin.length, queries);
  const random = randomFrom(attacked.seed, 'sparse-rs');
  let best = mostDifferent(origin, start, channels, pixels);
  let least = Number.POSITIVE_INFINITY;
  let tried = best;
  while (left() > 0) {
    const image = withPixels(origin, tried, channels);
    const [answer] = (await ask(image)) as [Answer];
    if (isBroken(answer, truth)) return { image, queries: asked() };
    const loss = wrongClassLoss(answer, truth);
    if (loss <= least) [best, least] = [tried, loss];
    tried = exchanged(best, start, channels, Math.max(1, Math.round(best.size * shareAt(asked() / queries))), random);
  }
  return { image: null, queries: asked() };
}

/** Changed pixels: the values of each, by its place. */
type Pixels = ReadonlyMap<number, readonly number[]>;

/** Picks the pixels, at most `count`, in which two images differ most by the sum of squares, with their values in the other image. */
function mostDifferent(origin: Float32Array, other: Float32Array, channels: number, count: number): Pixels {
  const squares = new Float64Array(origin.length / channels);
  for (const [i, value] of other.entries()) {
    const pixel = Math.floor(i / channels);
    squares[pixel] = (squares[pixel] as number) + (value - (origin[i] as number)) ** 2;
  }
  const order = [...squares.keys()].sort((a, b) => (squares[b] as number) - (squares[a] as number));
  const chosen = order.slice(0, Math.floor(count)).filter((pixel) => (squares[pixel] as number) > 0);
  return new Map(chosen.map((pixel) => [pixel, valuesAt(other, pixel, channels)]));
}

const valuesAt = (image: Float32Array, pixel: number, channels: number) => [...image.subarray(pixel * channels, (pixel + 1) * channels)];

function withPixels(origin: Float32Array, pixels: Pixels, channels: number): Float32Array {
  const image = origin.slice();
  for (const [pixel, values] of pixels) image.set(values, pixel * channels);
  return image;
}

/** Exchanges so many of the pixels for others. */
function exchanged(pixels: Pixels, start: Float32Array, channels: number, count: number, random: Random): Pixels {
  const next = new Map(pixels);
  for (const pixel of random.shuffle([...pixels.keys()]).slice(0, count)) next.delete(pixel);
  const all = start.length / channels;
  while (next.size < Math.min(pixels.size, all)) {
    const pixel = random.integer(0, all - 1);
    const corner = () => Array.from({ length: channels }, () => random.integer(0, 1));
    if (!next.has(pixel)) next.set(pixel, random.uniform() < 0.5 ? valuesAt(start, pixel, channels) : corner());
  }
  return next;
}

const shareAt = (done: number) => FIRST_SHARE / (DIVISORS.findLast(([from]) => done >= from) as (typeof DIVISORS)[number])[1];
