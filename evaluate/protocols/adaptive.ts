import { descent } from '../../attacks/descent.ts';
import { suites } from '../../attacks/list.ts';
import { MOST_TARGETS } from '../../attacks/rows.ts';
import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { gradientCheck } from '../measure/gradient-check.ts';
import { attackPart, cleanPart, type PartSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { type Radii, radiiFor, radiiOf } from '../measure/radii.ts';
import { radiusText } from '../measure/radius-text.ts';

const IMAGES = 100;
/** Rows of a job, an image and a target each; fewer for large images. */
const MOST_ROWS = 90;

/** Returns the number of images, and how many of them are attacked at once: 10 of MNIST. */
export const adaptiveSize = (input: Screening['input'], images: number, test: number): PartSize => ({
  images: Math.min(images, test),
  atOnce: Math.max(1, Math.floor(imagesWithinMemory(input, MOST_ROWS, 4) / MOST_TARGETS)),
});

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
    'targeted DLR, Carlini-Wagner; linf .05 to .3 (in colour 2/255, 4/255, 8/255), l2 .5 to 2, l0 5 to 50 pixels of 28 x 28',
  parts: ({ input }, { images = IMAGES, test }) => {
    const shared = adaptiveSize(input, images, test);
    const parts = suites.adaptive.flatMap((attack) => radiiOf(attack, input).map((radius) => attackPart(attack, shared, { radius })));
    const clean = cleanPart(shared);
    const sources = [...clean.sources, new URL('../measure/gradient-check.ts', import.meta.url).href];
    return [{ ...clean, sources, check: gradientCheck }, ...parts, ...checkingParts(shared, radiiFor(input))];
  },
};

/** Parts that test the attacks, not the bundle: without bounds all images must break, and more steps must not find less. */
function checkingParts(shared: PartSize, radii: Radii): Part[] {
  const { name } = checked('linf', 100);
  return [
    attackPart(checked('linf', 20, `unbounded: ${name}`), shared, { radius: 1, descriptor: { unbounded: true } }),
    ...NORMS.map((norm) => {
      const radius = radii[norm][0] as number;
      const once = `${name}, ${norm} ${radiusText(radius)}`;
      const twice = checked(norm, 200, `${name}, twice the steps`);
      return attackPart(twice, shared, { radius, name: `${once}, twice the steps`, descriptor: { twiceTheStepsOf: once } });
    }),
  ];
}
