import { randomFrom } from '../shared/random.ts';
import { distances, type Norm } from './ball.ts';
import { type Attacked, type Found, isBroken, type Limited, limited, type Oracle } from './oracle.ts';

/** Directions in the first estimate of the boundary's normal; of the n-th sqrt(n) times as many. */
const DIRECTIONS = 100;
const FIRST_DELTA = 0.1;
/** Images in a question, at most. */
const AT_ONCE = 50;

/**
 * HopSkipJump (Chen et al., S&P 2020): from an image that is accepted as a wrong class along the boundary of what is, nearer to the attacked
 * image, with verdicts alone: its normal is estimated from the verdicts on random directions.
 *
 * @param start accepted as a wrong class; where it is not, nothing is found
 * @param queries asked at most
 * @returns the nearest image that was accepted as a wrong class
 */
export async function hopSkipJump(oracle: Oracle, attacked: Attacked, start: Float32Array, norm: Norm, queries: number): Promise<Found> {
  const { image: origin, truth } = attacked;
  const size = origin.length;
  const door = limited(oracle, size, queries);
  const random = randomFrom(attacked.seed, 'hop-skip-jump');
  const breaks = async (images: Float32Array) => (await door.ask(images)).map((answer) => isBroken(answer, truth));
  const far = (image: Float32Array) => distances(image, origin, size, norm)[0] as number;
  // As the authors have it: of the dimensions, how fine a step is told from none.
  const theta = 1 / (norm === 'l2' ? Math.sqrt(size) * size : size * size);
  if (queries === 0 || !(await breaks(start))[0]) return { image: null, queries: door.queries() };
  let best = await ontoBoundary(start, { origin, norm, theta, door, breaks, far });
  for (let round = 1; door.left() > 1; round++) {
    const distance = far(best);
    if (distance === 0) break;
    const delta = round === 1 ? FIRST_DELTA : (norm === 'l2' ? Math.sqrt(size) : size) * theta * distance;
    const normal = await normalAt(best, Math.round(DIRECTIONS * Math.sqrt(round)), delta);
    if (!normal) break;
    const landed = await jump(best, normal, distance / Math.sqrt(round));
    if (!landed) continue;
    const nearer = await ontoBoundary(landed, { origin, norm, theta, door, breaks, far });
    if (far(nearer) < far(best)) best = nearer;
  }
  return { image: best, queries: door.queries() };

  /** Monte Carlo, less its mean: towards where images are accepted as a wrong class. */
  async function normalAt(image: Float32Array, wanted: number, delta: number): Promise<Float32Array | null> {
    const count = Math.min(wanted, door.left() - 1);
    if (count < 1) return null;
    const directions: Float32Array[] = [];
    const verdicts: boolean[] = [];
    for (let first = 0; first < count; first += AT_ONCE) {
      const asked = new Float32Array(Math.min(AT_ONCE, count - first) * size);
      for (let n = 0; n < asked.length / size; n++) {
        const direction = Float32Array.from({ length: size }, () => (norm === 'l2' ? random.normal() : 2 * random.uniform() - 1));
        const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
        // What it comes to in [0, 1] is the direction that was asked about.
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
      // Where all say the same, that is the way, or the way back.
      const weight = (verdicts[n] ? 1 : -1) - (Math.abs(mean) === 1 ? 0 : mean);
      for (let i = 0; i < size; i++) normal[i] = (normal[i] as number) + weight * (direction[i] as number);
    }
    const length = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0)) + 1e-30;
    return normal.map((value) => (norm === 'l2' ? value / length : Math.sign(value)));
  }

  /** Along the normal as far as it goes, each try half as far; null where even a small step leads out. */
  async function jump(image: Float32Array, normal: Float32Array, first: number): Promise<Float32Array | null> {
    for (let length = first; length > first / 2 ** 12 && door.left() > 0; length /= 2) {
      const landed = image.map((value, i) => clipped(value + length * (normal[i] as number)));
      if ((await breaks(landed))[0]) return landed;
    }
    return null;
  }
}

const clipped = (value: number) => Math.min(1, Math.max(0, value));

interface Search {
  origin: Float32Array;
  norm: Norm;
  theta: number;
  door: Limited;
  breaks(images: Float32Array): Promise<boolean[]>;
  far(image: Float32Array): number;
}

/** Binary search towards the attacked image, as long as what is left of it is accepted as a wrong class: on the line (l2), or cut to a smaller box (linf). */
async function ontoBoundary(from: Float32Array, { origin, norm, theta, door, breaks, far }: Search): Promise<Float32Array> {
  const whole = norm === 'l2' ? 1 : far(from);
  const at = (share: number) =>
    from.map((value, i) => {
      const own = origin[i] as number;
      if (norm === 'l2') return own + share * (value - own);
      return Math.min(own + share, Math.max(own - share, value));
    });
  const fine = norm === 'l2' ? theta : Math.min(whole * theta, theta);
  let [low, high, best] = [0, whole, from];
  // Further than float32 tells apart there is nothing to find.
  while (high - low > Math.max(fine, 1e-6 * whole) && door.left() > 0) {
    const middle = (low + high) / 2;
    const image = at(middle);
    if ((await breaks(image))[0]) [high, best] = [middle, image];
    else low = middle;
  }
  return best;
}
