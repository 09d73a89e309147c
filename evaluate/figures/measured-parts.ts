import type { Norm } from '../../attacks/ball.ts';
import type { JobResult } from '../jobs/job.ts';
import type { Key } from '../jobs/run-jobs.ts';
import { type Outcome, undetected } from '../protocols/outcome.ts';

/** All outcomes of a part of a protocol, whatever jobs they came from. */
export interface MeasuredPart {
  protocol: string;
  name: string;
  about: string;
  /** images that were asked for */
  asked: number;
  seconds: number;
  /** of all its outcomes; null where they differ */
  attack: string | null;
  norm: Norm | null;
  eps: number | null;
  /** by image, then as the job gave them */
  outcomes: Outcome[];
}

/**
 * The parts of an evaluation in the order in which they are first met.
 *
 * @throws RangeError where a result is of another evaluation, or holds images that another one holds too
 */
export function measuredParts(results: readonly JobResult[], key: Omit<Key, 'attacks'>): MeasuredPart[] {
  const groups = Map.groupBy(results, ({ protocol, part }) => `${protocol}\n${part}`);
  return Array.from(groups.values(), (jobs) => {
    const sorted = jobs.toSorted((a, b) => a.from - b.from);
    const { protocol, part, about, images } = sorted[0] as JobResult;
    for (const [i, job] of sorted.entries()) {
      // Each protocol has its own attacks, but all jobs of a part have the same.
      for (const [name, value] of Object.entries({ ...key, attacks: sorted[0]?.attacks }))
        if (job[name as keyof Key] !== value)
          throw new RangeError(`${part}, images ${job.from} to ${job.to}: its ${name} is ${job[name as keyof Key]}, not ${value}`);
      const before = sorted[i - 1];
      if (before && before.to > job.from) throw new RangeError(`${part}: images ${job.from} to ${before.to} are in two results`);
    }
    const outcomes = sorted.flatMap((job) => job.outcomes.toSorted((a, b) => a.image - b.image));
    const only = <T>(of: (outcome: Outcome) => T) => {
      const values = new Set(outcomes.map(of));
      return values.size === 1 ? ([...values][0] as T) : null;
    };
    return {
      ...{ protocol, name: part, about, asked: images, outcomes },
      seconds: sorted.reduce((sum, { seconds }) => sum + seconds, 0),
      ...{ attack: only(({ attack }) => attack), norm: only(({ norm }) => norm), eps: only(({ eps }) => eps) },
    };
  });
}

/** The test images as they are. */
export const isClean = ({ name, norm }: Pick<MeasuredPart, 'name' | 'norm'>) => norm === null && /^clean( test images)?$/.test(name);

/**
 * An attack that looks for the nearest image that does what it wants: one answer an image, without a radius where there is none. (Others
 * that nothing limits, such as the paper's Eq. 10, tell what they end with.)
 */
export const isMinimumNorm = ({ norm, outcomes }: MeasuredPart) =>
  norm !== null &&
  outcomes.length > 0 &&
  outcomes.every((outcome) => outcome.eps === null && (outcome.radius === null || undetected(outcome))) &&
  new Set(outcomes.map(({ image }) => image)).size === outcomes.length;

/** An attack of which every outcome is for a class that was wanted, such as the paper's: not one that takes the nearest of any. */
export const isAimed = (part: MeasuredPart) =>
  part.eps === null && !isMinimumNorm(part) && part.outcomes.length > 0 && part.outcomes.every(({ target }) => target !== null);

/** An attack that sees verdicts and scores alone, or another model's gradients: it should find no more than one that sees all. */
export const isBlackBox = ({ attack, name }: MeasuredPart) => /^(square|hopskipjump|boundary|transfer)/i.test(attack ?? name);

/** An attack without gradients once more on a few images, through the worker's HTTP. */
export const isAtDoor = ({ name }: Pick<MeasuredPart, 'name'>) => name.includes(', through the HTTP door');

/** Another part with twice as many steps, run to see whether it finds more. */
export const TWICE = ', twice the steps';

/** An attack that may change anything: it has to find all. */
export const isUnbounded = ({ name }: Pick<MeasuredPart, 'name'>) => /^unbounded/i.test(name);
