import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A source of randomness: made from a seed, passed down, never global. */
export interface Random {
  /** Returns a number, uniform in [0, 1). */
  uniform(): number;
  /** Returns a whole number, uniform in [low, high], both ends included. */
  integer(low: number, high: number): number;
  /** Returns a standard normal number, by Box and Muller. */
  normal(): number;
  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: number }>(items: T): T;
  /** Returns the state from which `randomFromState` continues. */
  state(): number[];
}

/**
 * Creates a source of randomness from a seed.
 *
 * @param seed a whole number
 * @param stream keeps independent uses of one seed apart (`'split'`, `'fit'`, …)
 */
export function randomFrom(seed: number, stream = ''): Random {
  let mixed = seed | 0;
  for (const character of stream) mixed = (Math.imul(mixed, 31) + (character.codePointAt(0) as number)) | 0;
  return randomOf(xoroshiro128plus(mixed));
}

/** Continues a source of randomness. @param state returned by its `state` */
export function randomFromState(state: readonly number[]): Random {
  return randomOf(xoroshiro128plusFromState(state));
}

function randomOf(generator: ReturnType<typeof xoroshiro128plus>): Random {
  const uniform = () => uniformFloat64(generator);
  const integer = (low: number, high: number) => uniformInt(generator, low, high);
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle: (items) => {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(0, i);
        const item = items[i] as number;
        items[i] = items[j] as number;
        items[j] = item;
      }
      return items;
    },
    state: () => [...generator.getState()],
  };
}
