import { fgsm } from '../../attacks/fgsm.ts';
import { MOMENTUM_DEFAULTS, momentumIterative } from '../../attacks/momentum.ts';
import { PGD_DEFAULTS, projectedGradient } from '../../attacks/pgd.ts';
import { imagesWithinMemory } from '../../node/bundle/images-within-memory.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Part } from './protocol.ts';
import { screened } from './screen-attacked.ts';

/** A search of Eq. 9 for an image, as so many gradients. */
export const SEARCH_WORK = 60;
/** Most images of a job. */
const AT_ONCE = 100;

type Common = Pick<Part, 'images' | 'atOnce'>;

/** How many images, and how many at once. */
export function common(screening: Screening, images: number, test: number, most = AT_ONCE): Common {
  return { images: Math.min(images, test), atOnce: imagesWithinMemory(screening.input, most, 4) };
}

/** Test images as they are. */
export function cleanPart(shared: Common, search: boolean, name = 'clean test images'): Part {
  return {
    ...shared,
    name,
    work: 1 + (search ? SEARCH_WORK * 0.02 : 0),
    about: `${shared.images} test images as they are`,
    run: (setup, { images, numbers, labels }) => screened(setup, { attack: name, images, numbers, truths: labels }, search),
  };
}

/** FGSM on the encoder's cross-entropy. */
export function fgsmPart(shared: Common, eps: number, search: boolean): Part {
  return {
    ...shared,
    name: `FGSM, epsilon ${eps}`,
    work: 2 + (search ? SEARCH_WORK : 0),
    about: "fast gradient sign method on the encoder's cross-entropy over -||z - mu||^2 / 0.1: one gradient an image",
    run: (setup, { images: origins, numbers, labels }) => {
      const { height, width, channels } = setup.screening.input;
      const images = fgsm(setup.victim, origins, [labels.length, height, width, channels], labels, eps);
      return screened(setup, { attack: 'FGSM', norm: 'linf', eps, images, origins, numbers, truths: labels }, search);
    },
  };
}

/** Momentum iterative method, cleverhans defaults but for the radius. */
export function momentumPart(shared: Common, eps: number, search: boolean): Part {
  const options = { ...MOMENTUM_DEFAULTS, eps, step: (MOMENTUM_DEFAULTS.step * eps) / MOMENTUM_DEFAULTS.eps };
  return {
    ...shared,
    name: `momentum iterative, epsilon ${eps}`,
    work: options.steps + 1 + (search ? SEARCH_WORK : 0),
    about: `momentum iterative method on the encoder, ${options.steps} steps of ${options.step.toFixed(3)}`,
    run: (setup, { images: origins, numbers, labels }) => {
      const images = momentumIterative(setup.victim, origins, labels, options);
      return screened(setup, { attack: 'momentum iterative', norm: 'linf', eps, images, origins, numbers, truths: labels }, search);
    },
  };
}

/** PGD, cleverhans defaults but for the radius. */
export function pgdPart(shared: Common, eps: number, search: boolean): Part {
  const options = { ...PGD_DEFAULTS, eps, step: (PGD_DEFAULTS.step * eps) / PGD_DEFAULTS.eps };
  return {
    ...shared,
    name: `PGD, epsilon ${eps}`,
    work: options.steps + 1 + (search ? SEARCH_WORK : 0),
    about: `projected gradient descent on the encoder from a random start, ${options.steps} steps of ${options.step.toFixed(3)}`,
    run: (setup, { images: origins, numbers, labels, seeds }) => {
      const images = projectedGradient(setup.victim, origins, labels, seeds, options);
      return screened(setup, { attack: 'PGD', norm: 'linf', eps, images, origins, numbers, truths: labels }, search);
    },
  };
}
