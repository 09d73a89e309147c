import type { Random } from '../shared/random.ts';
import type { Attacked } from './oracle.ts';
import type { SquareMoves } from './square-moves.ts';

/** Vertical stripes at first, then squares; each of a channel's values is changed by eps, up or down. */
export function linfMoves({ image: origin, height, width, channels }: Attacked, eps: number, random: Random): SquareMoves {
  const sign = () => (random.uniform() < 0.5 ? -eps : eps);
  const at = (i: number, change: number) => Math.min(1, Math.max(0, (origin[i] as number) + change));
  return {
    first() {
      const stripes = Array.from({ length: width * channels }, sign);
      return origin.map((_, i) => at(i, stripes[i % (width * channels)] as number));
    },
    next(image, share) {
      const side = Math.min(Math.max(1, Math.round(Math.sqrt(share * height * width))), height, width);
      const next = image.slice();
      // What changes nothing is not worth a question.
      for (let trial = 0; trial < 20; trial++) {
        const [top, left] = [random.integer(0, height - side), random.integer(0, width - side)];
        const changes = Array.from({ length: channels }, sign);
        for (let row = top; row < top + side; row++) {
          for (let i = (row * width + left) * channels; i < (row * width + left + side) * channels; i++)
            next[i] = at(i, changes[i % channels] as number);
        }
        if (next.some((value, i) => value !== image[i])) break;
      }
      return next;
    },
  };
}
