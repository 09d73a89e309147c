import { descent } from '../../attacks/descent.ts';
import { suites } from '../../attacks/list.ts';
import { MOST_TARGETS } from '../../attacks/rows.ts';
import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import { gradientCheck } from '../measure/gradient-check.ts';
import { RADII } from '../measure/outcome.ts';
import { attackPart, cleanPart, type PartSize, radiiOf } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';

const IMAGES = 100;
/** Images of a job. */
const AT_ONCE = 10;

/** The descent that is run again with a radius that holds every image, and with twice the steps. */
const checked = (norm: Norm, steps: number, name?: string) =>
  descent({ norm, step: 'adam', from: 'outside', objective: 'hinges', targets: MOST_TARGETS, steps, ...(name ? { name } : {}) });

/**
 * Attacks that know both tests and their thresholds. An image is broken at a radius where any attack finds one within it that the exported
 * graphs accept as a wrong class.
 */
export const adaptive: Protocol = {
  name: 'adaptive',
  source: import.meta.url,
  about:
    `white-box attacks on both tests at once, ${IMAGES} images: nearest accepted-and-wrong image from outside and inside, PGD, APGD, ` +
    'targeted DLR, Carlini-Wagner',
  parts: (_, { images = IMAGES, test }) => {
    const shared = { images: Math.min(images, test), atOnce: AT_ONCE };
    const parts = suites.adaptive.flatMap((attack) => radiiOf(attack).map((radius) => attackPart(attack, shared, { radius })));
    const clean = cleanPart(shared);
    const sources = [...clean.sources, new URL('../measure/gradient-check.ts', import.meta.url).href];
    return [{ ...clean, sources, check: gradientCheck }, ...parts, ...checkingParts(shared)];
  },
};

/** Parts that test the attacks, not the bundle: without bounds all images must break, and more steps must not find less. */
function checkingParts(shared: PartSize): Part[] {
  const { name } = checked('linf', 100);
  return [
    attackPart(checked('linf', 20, `unbounded: ${name}`), shared, { radius: 1, descriptor: { unbounded: true } }),
    ...NORMS.map((norm) => {
      const radius = RADII[norm][0] as number;
      const once = `${name}, ${norm} ${radius}`;
      const twice = checked(norm, 200, `${name}, twice the steps`);
      return attackPart(twice, shared, { radius, name: `${once}, twice the steps`, descriptor: { twiceTheStepsOf: once } });
    }),
  ];
}
