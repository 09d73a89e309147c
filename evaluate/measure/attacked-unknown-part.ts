import type { Attack } from '../../attacks/attack.ts';
import type { EvaluationContext, JobInputs } from './context.ts';
import { madeImages, SOURCES } from './made-unknown.ts';
import type { Outcome } from './outcome.ts';
import type { Part } from './protocol.ts';
import { nearestSuccess, screenCandidates } from './screen.ts';

/** Returns what attacks unknown images of a kind within a radius, and screens what it made; an image that gets in as it is stays so. */
export function pushedUnknown(attack: Attack, kind: string, radius: number): Pick<Part, 'run' | 'sources'> {
  return {
    // Not the protocol's own file, which imports every attack.
    sources: [attack.source, import.meta.url, ...SOURCES],
    async run(context: EvaluationContext, inputs: JobInputs): Promise<Outcome[]> {
      const { images, numbers } = madeImages(context, kind, inputs);
      const labels = numbers.map(() => -1);
      const seeds = inputs.seeds.slice(0, numbers.length);
      const own = { images, numbers, labels, seeds };
      const candidates = await attack.run(context.model, images, labels, radius, seeds);
      const about = { attack: attack.name, norm: attack.norm, eps: radius };
      return nearestSuccess(await screenCandidates(context, own, null, about), await screenCandidates(context, own, candidates, about));
    },
  };
}
