import type { Random } from '../../shared/random.ts';
import type { Answer, Sending } from './send.ts';

/** One request of the mix. */
export interface Shot {
  sending: Sending;
  /** Statuses that are right for it; none where it is aborted. */
  expected: readonly number[];
  /** It may be refused before its end was sent, so that the answer may be lost with the connection. */
  mayBreak?: boolean;
  /** Compares what was answered with what offline says; one entry for each image. */
  verdicts?: (answer: Answer) => (string | null)[];
}

export interface Kind {
  name: string;
  /** Share of all requests, relative to the other kinds. */
  weight: number;
  /** True if its latency counts: not where the client itself is slow or goes away. */
  timed: boolean;
  make(random: Random): Shot;
}

/** A kind, by the weights. */
export function kindOf(kinds: readonly Kind[], random: Random): Kind {
  let at = random.uniform() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  for (const kind of kinds) {
    at -= kind.weight;
    if (at < 0) return kind;
  }
  return kinds[0] as Kind;
}
