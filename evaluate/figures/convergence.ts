import { NORMS } from '../../attacks/steps/projection.ts';
import { rate } from '../../shared/rate.ts';
import type { Radii } from '../measure/radii.ts';
import { radiusText } from '../measure/radius-text.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import { countBroken, smallestPerturbations } from './perturbations.ts';
import type { Check, Convergence } from './report-schema.ts';
import { imagesOfUnion } from './worst.ts';

/**
 * Returns how many images are broken with each budget of a sweep, for each norm: by any attack of at most that budget, so that more
 * gradients never find less. At a radius the attacks have converged where all that the largest budget breaks lies within the 95 % interval
 * of what the smallest breaks.
 */
export function convergenceOf(parts: readonly MeasuredPart[], radii: Radii): Convergence[] {
  const protocols = Map.groupBy(parts, ({ protocol }) => protocol);
  return [...protocols].flatMap(([protocol, all]) =>
    NORMS.flatMap((norm) => {
      const swept = all.filter((part) => part.norm === norm && part.descriptor.budget !== null);
      const budgets = [...new Set(swept.map(budgetOf))].sort((a, b) => a - b);
      if (budgets.length < 2) return [];
      const images = imagesOfUnion(swept);
      const clean = all.filter(isClean);
      const smallest = budgets.map((budget) => smallestPerturbations([...clean, ...swept.filter((part) => budgetOf(part) <= budget)]));
      const at = radii[norm].map((radius) => {
        const broken = smallest.map((found) => rate(countBroken(found, images, radius), images.size));
        const [first, last] = [broken[0], broken.at(-1)] as [(typeof broken)[number], (typeof broken)[number]];
        return { radius, broken, converged: last.count <= first.high * first.of };
      });
      return { protocol, norm, budgets, images: images.size, at };
    }),
  );
}

const budgetOf = ({ descriptor }: MeasuredPart) => descriptor.budget ?? 1;

/** Checks each norm of a sweep: with more gradients the attacks find no more than the interval of their figure allows. */
export function convergenceChecks(found: readonly Convergence[]): Check[] {
  return found.map(({ norm, budgets, at }) => {
    const more = `x${budgets.at(-1)}`;
    const told = at.map(({ radius, broken, converged }) => {
      const [first, last] = [broken[0], broken.at(-1)] as [(typeof broken)[number], (typeof broken)[number]];
      const interval = `95 % interval ${(100 * first.low).toFixed(1)} to ${(100 * first.high).toFixed(1)} %`;
      return `within ${radiusText(radius)} ${first.count} of ${first.of} (${interval}), ${more}: ${last.count}${converged ? '' : ' NOT CONVERGED'}`;
    });
    return {
      name: `${more} the gradients find no more than the interval allows, ${norm}`,
      of: 'report',
      passed: at.every(({ converged }) => converged),
      detail: told.join('; '),
    };
  });
}
