import { adaptiveAttacks } from '../../attacks/list.ts';
import { attackPart, cleanPart } from '../measure/parts.ts';
import type { Protocol } from '../measure/protocol.ts';
import { radiiOf } from '../measure/radii.ts';
import { adaptiveSize } from './adaptive.ts';

const IMAGES = 30;
/** Times the gradients of `adaptive`. */
const BUDGETS = [1, 4];

/** Runs the attacks of `adaptive` with more and more gradients: where more of them find more, the figures of `adaptive` are too small. */
export const convergence: Protocol = {
  name: 'convergence',
  source: import.meta.url,
  about: `the attacks of adaptive at ${BUDGETS.map((budget) => `x${budget}`).join(' and ')} gradients (steps and starts), ${IMAGES} images: do more find more?`,
  parts: ({ input }, { images = IMAGES, test }) => {
    const shared = adaptiveSize(input, images, test);
    const attacks = BUDGETS.flatMap((budget) => adaptiveAttacks(budget).map((attack) => ({ attack, budget })));
    const attacked = attacks.flatMap(({ attack, budget }) =>
      radiiOf(attack, input).map((radius) => attackPart(attack, shared, { radius, descriptor: { budget } })),
    );
    return [cleanPart(shared), ...attacked];
  },
};
