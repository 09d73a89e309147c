import { randomFrom } from '../shared/random.ts';
import type { Attack, Oracle } from './attack.ts';
import { eachImage, isBroken, limited, nearestWrong, type QueriedImage, type QueryResult } from './oracle.ts';
import { type DenseNorm, distances } from './steps/projection.ts';

/** Directions in the first estimate of the boundary's normal; the n-th estimate has sqrt(n) times as many. */
const DIRECTIONS = 100;
const FIRST_DELTA = 0.1;
/** Images in one question to the oracle at most. */
const AT_ONCE = 50;

/** HopSkipJump (Chen et al., S&P 2020), which sees verdicts alone, from the nearest own image that is accepted as a wrong class. */
export const hopSkipJump = ({ norm, queries = 2000 }: { norm: DenseNorm; queries?: number }): Attack => ({
  name: 'HopSkipJump with verdicts',
  ...{ knowledge: 'black-box', norm, kind: 'minimum norm', cost: queries, counts: 'best', source: import.meta.url },
  about: `verdicts alone, from the nearest training image that is accepted as a wrong class: at most ${queries} queries an image`,
  run: (model, images, labels, _radius, seeds) => {
    const oracle = model.oracle('verdicts');
    return eachImage(model.input, images, labels, seeds, async (image) => {
      const start = await nearestWrong(model, image);
      return start ? boundarySearch(oracle, image, start, norm, queries) : { image: null, queries: 0 };
    });
  },
});

/**
 * Moves along the boundary of what is accepted as a wrong class towards the attacked image. It estimates the boundary's normal from the
 * verdicts on random directions.
 *
 * @param start accepted as a wrong class; otherwise nothing is found
 * @param queries at most
 * @returns the nearest image that was accepted as a wrong class
 */
export async function boundarySearch(
  oracle: Oracle,
  attacked: QueriedImage,
  start: Float32Array,
  norm: DenseNorm,
  queries: number,
): Promise<QueryResult> {
  const { image: origin, truth } = attacked;
  const size = origin.length;
  const budget = limited(oracle, size, queries);
  const random = randomFrom(attacked.seed, 'hop-skip-jump');
  const breaks = async (images: Float32Array) => (await budget.ask(images)).map((answer) => isBroken(answer, truth));
  const distanceTo = (image: Float32Array) => distances(image, origin, attacked, norm)[0] as number;
  // As the authors have it: the finest step, by the number of dimensions.
  const theta = 1 / (norm === 'l2' ? Math.sqrt(size) * size : size * size);
  if (queries === 0 || !(await breaks(start))[0]) return { image: null, queries: budget.queries() };
  let best = await ontoBoundary(start);
  for (let round = 1; budget.left() > 1; round++) {
    const distance = distanceTo(best);
    if (distance === 0) break;
    const delta = round === 1 ? FIRST_DELTA : (norm === 'l2' ? Math.sqrt(size) : size) * theta * distance;
    const normal = await normalAt(best, Math.round(DIRECTIONS * Math.sqrt(round)), delta);
    if (!normal) break;
    const landed = await jump(best, normal, distance / Math.sqrt(round));
    if (!landed) continue;
    const nearer = await ontoBoundary(landed);
    if (distanceTo(nearer) < distanceTo(best)) best = nearer;
  }
  return { image: best, queries: budget.queries() };

  /**
   * Bisects towards the attacked image for the nearest image that is still accepted as a wrong class: on the line (l2), or in a box (linf).
   */
  async function ontoBoundary(from: Float32Array): Promise<Float32Array> {
    const whole = norm === 'l2' ? 1 : distanceTo(from);
    const at = (share: number) =>
      from.map((value, i) => {
        const own = origin[i] as number;
        if (norm === 'l2') return own + share * (value - own);
        return Math.min(own + share, Math.max(own - share, value));
      });
    const fine = norm === 'l2' ? theta : Math.min(whole * theta, theta);
    let [low, high, best] = [0, whole, from];
    // Finer than float32 there is nothing to find.
    while (high - low > Math.max(fine, 1e-6 * whole) && budget.left() > 0) {
      const middle = (low + high) / 2;
      const image = at(middle);
      if ((await breaks(image))[0]) [high, best] = [middle, image];
      else low = middle;
    }
    return best;
  }

  /** Estimates the direction towards images that are accepted as a wrong class: Monte Carlo, less its mean. */
  async function normalAt(image: Float32Array, wanted: number, delta: number): Promise<Float32Array | null> {
    const count = Math.min(wanted, budget.left() - 1);
    if (count < 1) return null;
    const directions: Float32Array[] = [];
    const verdicts: boolean[] = [];
    for (let first = 0; first < count; first += AT_ONCE) {
      const asked = new Float32Array(Math.min(AT_ONCE, count - first) * size);
      for (let n = 0; n < asked.length / size; n++) {
        const direction = Float32Array.from({ length: size }, () => (norm === 'l2' ? random.normal() : 2 * random.uniform() - 1));
        const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
        // Clipped to [0, 1], this is the direction that was asked about.
        directions.push(
          direction.map((value, i) => {
            const to = clipped((image[i] as number) + (delta * value) / length);
            asked[n * size + i] = to;
            return (to - (image[i] as number)) / delta;
          }),
        );
      }
      verdicts.push(...(await breaks(asked)));
    }
    const mean = verdicts.reduce((sum, is) => sum + (is ? 1 : -1), 0) / count;
    const normal = new Float32Array(size);
    for (const [n, direction] of directions.entries()) {
      // Where all verdicts agree, the directions lead forwards, or backwards.
      const weight = (verdicts[n] ? 1 : -1) - (Math.abs(mean) === 1 ? 0 : mean);
      for (let i = 0; i < size; i++) normal[i] = (normal[i] as number) + weight * (direction[i] as number);
    }
    const length = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0)) + 1e-30;
    return normal.map((value) => (norm === 'l2' ? value / length : Math.sign(value)));
  }

  /** Jumps along the normal as far as possible, each try half as far; null where even a small step leads out. */
  async function jump(image: Float32Array, normal: Float32Array, first: number): Promise<Float32Array | null> {
    for (let length = first; length > first / 2 ** 12 && budget.left() > 0; length /= 2) {
      const landed = image.map((value, i) => clipped(value + length * (normal[i] as number)));
      if ((await breaks(landed))[0]) return landed;
    }
    return null;
  }
}

const clipped = (value: number) => Math.min(1, Math.max(0, value));
