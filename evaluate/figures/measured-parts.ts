import type { Norm } from '../../attacks/steps/projection.ts';
import type { EvaluationKey, JobResult } from '../jobs/job.ts';
import type { Descriptor, Outcome } from '../measure/outcome.ts';

/** All outcomes of a part of a protocol, whatever jobs they came from. */
export interface MeasuredPart {
  protocol: string;
  name: string;
  about: string;
  descriptor: Descriptor;
  /** Images that were asked for. */
  asked: number;
  seconds: number;
  /** The same in all its outcomes; null where they differ. */
  attack: string | null;
  norm: Norm | null;
  eps: number | null;
  /** Sorted by image, then in the order of the job. */
  outcomes: Outcome[];
}

/**
 * Gathers results into parts, in the order in which they first appear.
 *
 * @throws RangeError where a result belongs to another evaluation, or two results contain the same images
 */
export function measuredParts(results: readonly JobResult[], key: EvaluationKey): MeasuredPart[] {
  const groups = Map.groupBy(results, ({ protocol, part }) => `${protocol}\n${part}`);
  return Array.from(groups.values(), (jobs) => {
    const sorted = jobs.toSorted((a, b) => a.from - b.from);
    const { protocol, part, about, descriptor, images, source } = sorted[0] as JobResult;
    for (const [i, job] of sorted.entries()) {
      // Each part has its own source, but all of its jobs have the same.
      for (const [name, value] of Object.entries({ ...key, source })) {
        const own = job[name as keyof JobResult];
        if (own !== value) throw new RangeError(`${part}, images ${job.from} to ${job.to}: its ${name} is ${own}, not ${value}`);
      }
      const before = sorted[i - 1];
      if (before && before.to > job.from) throw new RangeError(`${part}: images ${job.from} to ${before.to} are in two results`);
    }
    const outcomes = sorted.flatMap((job) => job.outcomes.toSorted((a, b) => a.image - b.image));
    const only = <T>(of: (outcome: Outcome) => T) => {
      const values = new Set(outcomes.map(of));
      return values.size === 1 ? ([...values][0] as T) : null;
    };
    return {
      ...{ protocol, name: part, about, descriptor, asked: images, outcomes },
      seconds: sorted.reduce((sum, { seconds }) => sum + seconds, 0),
      ...{ attack: only(({ attack }) => attack), norm: only(({ norm }) => norm), eps: only(({ eps }) => eps) },
    };
  });
}

/** The test images as they are. */
export const isClean = ({ descriptor }: Pick<MeasuredPart, 'descriptor'>) => descriptor.images === 'clean';

/** The attack finds, for each image, the nearest one that succeeds; the radius is null where there is none. */
export const isMinimumNorm = ({ descriptor, outcomes }: MeasuredPart) => descriptor.attack?.kind === 'minimum norm' && outcomes.length > 0;

/** The attack sees verdicts and scores alone, or another model's gradients: it should find no more than one that sees everything. */
export const isBlackBox = ({ descriptor }: MeasuredPart) => descriptor.attack !== null && descriptor.attack.knowledge !== 'white-box';
