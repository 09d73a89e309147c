import { foolingImages, paperWhitebox } from '../../attacks/paper-whitebox.ts';
import { imagesOf } from '../../attacks/rows.ts';
import { sizeOf } from '../../attacks/victim.ts';
import { imagesWithinMemory } from '../../node/bundle/images-within-memory.ts';
import { FGSM_EPSILONS } from '../images/image-sets.ts';
import { cleanPart, common, fgsmPart, momentumPart, pgdPart } from './gradient-parts.ts';
import { nonsenseParts, unknownPart } from './nothing-parts.ts';
import type { Part, Protocol } from './protocol.ts';
import { screened } from './screen-attacked.ts';

/** Gradients of Eq. 10 and of Eq. 11. */
const STEPS = 300;

export const quick: Protocol = {
  name: 'quick',
  source: import.meta.url,
  about: "clean test images, FGSM at the paper's five epsilons, noise, blank pages and drawn nonsense; some seconds",
  parts: (screening, { test, images = 1000, search, unknown }) => [
    cleanPart(common(screening, test, test), search),
    ...FGSM_EPSILONS.map((eps) => fgsmPart(common(screening, images, test), eps, search)),
    ...nonsenseParts(screening, images, search),
    ...(unknown ? [unknownPart(screening, unknown, search)] : []),
  ],
};

export const table1: Protocol = {
  name: 'table1',
  source: import.meta.url,
  about: 'all test images, with thresholds and without (paper, table 1)',
  parts: (screening, { test, images = test }) => [cleanPart(common(screening, images, test), false)],
};

export const table2: Protocol = {
  name: 'table2',
  source: import.meta.url,
  about: 'FGSM and all clean test images, what is rejected searched by Eq. 9 (paper, table 2 and section 4)',
  parts: (screening, { test, images = 1000 }) => [
    cleanPart(common(screening, test, test), true),
    ...FGSM_EPSILONS.map((eps) => fgsmPart(common(screening, images, test), eps, true)),
  ],
};

export const figure3: Protocol = {
  name: 'figure3',
  source: import.meta.url,
  about: 'FGSM from .03 to .3 (paper, figure 3); momentum iterative and PGD beside it',
  parts: (screening, { test, images = 1000 }) => {
    const shared = common(screening, images, test);
    const eps = Array.from({ length: 10 }, (_, i) => (i + 1) * 3).map((hundredths) => hundredths / 100);
    const coarse = [0.05, 0.1, 0.2, 0.3];
    return [
      cleanPart(shared, false),
      ...eps.map((radius) => fgsmPart(shared, radius, false)),
      ...coarse.map((radius) => momentumPart(shared, radius, false)),
      ...coarse.map((radius) => pgdPart(shared, radius, false)),
    ];
  },
};

export const whitebox: Protocol = {
  name: 'whitebox',
  source: import.meta.url,
  about: 'Eq. 10 for every other class as target (at most nine), 1000 test images, some 100 of each digit (paper, section 4)',
  parts: (screening, { test, images = 1000 }) => {
    const targets = Math.min(9, screening.classes.length - 1);
    const atOnce = Math.max(1, Math.floor(imagesWithinMemory(screening.input, 90, 4) / targets));
    const part: Part = {
      name: 'Eq. 10, each target',
      images: Math.min(images, test),
      atOnce,
      work: targets * STEPS,
      about: `Adam on eta from 0, a = 100, b = 2, ${STEPS} steps, ${targets} targets an image; each target is an outcome of its own`,
      run: (setup, { images: all, numbers, labels }) => {
        const of = labels.flatMap((_, i) => Array.from({ length: targets }, () => i));
        const wanted = labels.flatMap((label) => Array.from({ length: targets }, (_, j) => (label + 1 + j) % screening.classes.length));
        const origins = imagesOf(all, of, sizeOf(screening.input));
        const attacked = paperWhitebox(setup.victim, origins, wanted);
        const at = (values: number[]) => of.map((i) => values[i] as number);
        const about = { attack: 'Eq. 10', norm: 'l2' } as const;
        return screened(setup, { ...about, images: attacked, origins, numbers: at(numbers), truths: at(labels), targets: wanted });
      },
    };
    return [cleanPart(common(screening, images, test), false), part];
  },
};

/** Images of the gallery. */
const SHOWN = 6;

export const figure4: Protocol = {
  ...whitebox,
  name: 'figure4',
  about: `what Eq. 10 makes of ${SHOWN} images for each target, as a gallery (paper, figure 4); whitebox counts them`,
  parts: (screening, { images = SHOWN, ...asked }) => whitebox.parts(screening, { ...asked, images: Math.min(images, SHOWN) }),
};

export const fooling: Protocol = {
  name: 'fooling',
  source: import.meta.url,
  about: 'Eq. 11: 100 images of noise for every class (paper, section 4)',
  parts: (screening, { images = 100 }) => {
    const classes = screening.classes.length;
    const atOnce = Math.max(1, Math.floor(imagesWithinMemory(screening.input, 100, 4) / classes));
    return [
      {
        name: 'Eq. 11, each class',
        drawn: true,
        ...{ images, atOnce, work: classes * STEPS },
        about: `Adam from uniform noise, a = 100, b = 2, ${STEPS} steps, each of ${classes} classes; what is accepted as anything is an error`,
        run: (setup, { numbers, seeds }) => {
          const of = numbers.flatMap((_, i) => screening.classes.map(() => i));
          const targets = numbers.flatMap(() => screening.classes.map((_, target) => target));
          const fooled = foolingImages(
            setup.victim,
            targets,
            of.map((i) => seeds[i] as number),
          );
          const at = of.map((i) => numbers[i] as number);
          return screened(setup, { attack: 'Eq. 11', images: fooled, numbers: at, truths: at.map(() => -1), targets });
        },
      },
    ];
  },
};

export const coil: Protocol = {
  name: 'coil',
  source: import.meta.url,
  about: "FGSM, momentum iterative and PGD with cleverhans' defaults, and Eq. 10 (the paper's experiments on COIL-100; any bundle)",
  parts: (screening, { test, images = 200 }) => {
    const shared = common(screening, images, test, 40);
    const [, eq10] = whitebox.parts(screening, { test, images: 10, search: false, unknown: null, door: null, others: [] });
    return [
      cleanPart(common(screening, test, test), false),
      fgsmPart(shared, 0.3, false),
      momentumPart(shared, 0.3, false),
      pgdPart(shared, 0.3, false),
      eq10 as Part,
    ];
  },
};
