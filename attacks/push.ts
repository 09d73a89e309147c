import type { Attack } from './attack.ts';
import { descend } from './descent.ts';
import { attackRows } from './rows.ts';
import type { DenseNorm } from './steps/projection.ts';
import { concatImages } from './tensors.ts';

const TARGETS = 4;
const STEPS = 50;

/**
 * Descends the hinges towards the nearest classes, from the image and from an own image of each class at once; all rows of an image stop
 * at the first that is accepted. For unknown images: their label is -1, so every class is a target, and none is wrong to be taken for.
 */
export const push = ({ norm }: { norm: DenseNorm }): Attack => ({
  name: 'PGD (Adam) from the image and from outside, hinges',
  ...{ knowledge: 'white-box', norm, kind: 'fixed radius', counts: 'best', source: import.meta.url },
  cost: 2 * TARGETS * STEPS,
  about: `${TARGETS} targets x 2 starts x ${STEPS} steps: at most ${2 * TARGETS * STEPS} gradients an image`,
  async run(model, images, labels, radius, seeds) {
    const [own, others] = await Promise.all([
      attackRows(model, images, labels, seeds, { from: 'image', targets: TARGETS }),
      attackRows(model, images, labels, seeds, { from: 'outside', targets: TARGETS }),
    ]);
    const of = [...own.of, ...others.of];
    const rows = {
      origins: concatImages([own.rows.origins, others.rows.origins]),
      starts: concatImages([own.rows.starts, others.rows.starts]),
      targets: [...own.rows.targets, ...others.rows.targets],
      groups: of,
    };
    const { images: found } = descend(model, rows, { norm, radius }, { step: 'adam', objective: 'hinges', steps: STEPS });
    return { images: found, of, targets: rows.targets };
  },
});
