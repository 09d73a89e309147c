import type { Attack } from '../../attacks/attack.ts';
import { fgsm } from '../../attacks/fgsm.ts';
import { suites } from '../../attacks/list.ts';
import { MOST_TARGETS } from '../../attacks/rows.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { attackPart, cleanPart, type PartSize, partSize } from '../measure/parts.ts';
import type { Part, Protocol } from '../measure/protocol.ts';
import { syntheticParts } from '../measure/synthetic-parts.ts';

/** The radii of the paper's table 2. */
export const FGSM_EPSILONS = [0.06, 0.12, 0.18, 0.24, 0.3];

/** The part of an attack on the encoder, named as the paper does. */
const encoderPart = (attack: Attack, shared: PartSize, radius: number, search = false) =>
  attackPart(attack, shared, { radius, search, name: `${attack.name}, epsilon ${radius}` });

export const quick: Protocol = {
  name: 'quick',
  source: import.meta.url,
  about: "clean test images, FGSM at the paper's five epsilons, noise, blank pages and drawn nonsense; takes seconds",
  parts: (screening, { test, images = 1000, ...options }) => [
    cleanPart(partSize(screening, test, test), options.search),
    ...FGSM_EPSILONS.map((radius) => encoderPart(fgsm, partSize(screening, images, test), radius, options.search)),
    ...syntheticParts(screening, images, options),
  ],
};

export const table1: Protocol = {
  name: 'table1',
  source: import.meta.url,
  about: 'all test images, with thresholds and without (paper, table 1)',
  parts: (screening, { test, images = test }) => [cleanPart(partSize(screening, images, test))],
};

export const table2: Protocol = {
  name: 'table2',
  source: import.meta.url,
  about: 'FGSM and all clean test images; rejected images are reclassified by Eq. 9 (paper, table 2 and section 4)',
  parts: (screening, { test, images = 1000 }) => [
    cleanPart(partSize(screening, test, test), true),
    ...FGSM_EPSILONS.map((radius) => encoderPart(fgsm, partSize(screening, images, test), radius, true)),
  ],
};

export const figure3: Protocol = {
  name: 'figure3',
  source: import.meta.url,
  about: 'FGSM from .03 to .3 (paper, figure 3), momentum iterative and PGD',
  parts: (screening, { test, images = 1000 }) => {
    const shared = partSize(screening, images, test);
    const fine = Array.from({ length: 10 }, (_, i) => ((i + 1) * 3) / 100);
    const coarse = [0.05, 0.1, 0.2, 0.3];
    return [
      cleanPart(shared),
      ...suites.encoder.flatMap((attack) => (attack.cost === 1 ? fine : coarse).map((radius) => encoderPart(attack, shared, radius))),
    ];
  },
};

/** The paper's targeted attacks on some images; every target is an outcome. */
function targetedParts(screening: Screening, images: number): Part[] {
  const targets = Math.min(MOST_TARGETS, screening.classes.length - 1);
  const atOnce = Math.max(1, Math.floor(imagesWithinMemory(screening.input, 90, 4) / targets));
  return suites.paper
    .filter(({ norm }) => norm !== null)
    .map((attack) => attackPart(attack, { images, atOnce }, { targets, name: `${attack.name}, each target` }));
}

export const whitebox: Protocol = {
  name: 'whitebox',
  source: import.meta.url,
  about: 'Eq. 10 for every other class as target (at most nine), 1000 test images, some 100 of each digit (paper, section 4)',
  parts: (screening, { test, images = 1000 }) => [
    cleanPart(partSize(screening, images, test)),
    ...targetedParts(screening, Math.min(images, test)),
  ],
};

/** Images of the gallery. */
const SHOWN = 6;

export const figure4: Protocol = {
  ...whitebox,
  name: 'figure4',
  about: `Eq. 10 on ${SHOWN} images for each target, as a gallery (paper, figure 4); whitebox counts them`,
  parts: (screening, { images = SHOWN, ...options }) => whitebox.parts(screening, { ...options, images: Math.min(images, SHOWN) }),
};

export const fooling: Protocol = {
  name: 'fooling',
  source: import.meta.url,
  about: 'Eq. 11: 100 images of noise for every class (paper, section 4)',
  parts: (screening, { images = 100 }) => {
    const targets = screening.classes.length;
    const atOnce = Math.max(1, Math.floor(imagesWithinMemory(screening.input, 100, 4) / targets));
    return suites.paper
      .filter(({ norm }) => norm === null)
      .map((attack) => attackPart(attack, { images, atOnce }, { synthetic: true, targets, name: `${attack.name}, each class` }));
  },
};

export const coil: Protocol = {
  name: 'coil',
  source: import.meta.url,
  about: "FGSM, momentum iterative and PGD with cleverhans' defaults, and Eq. 10 (the paper's experiments on COIL-100; any bundle)",
  parts: (screening, { test, images = 200 }) => [
    cleanPart(partSize(screening, test, test)),
    ...suites.encoder.map((attack) => encoderPart(attack, partSize(screening, images, test, 40), 0.3)),
    ...targetedParts(screening, Math.min(10, test)),
  ],
};
