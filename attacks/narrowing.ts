import type { Attack } from './attack.ts';
import { type DescentOptions, descend } from './descent.ts';
import { rowsAt, runStages, type Stage } from './relay.ts';
import { attackRows } from './rows.ts';
import type { Norm } from './steps/projection.ts';
import { selectImages, sizeOf } from './tensors.ts';

/** Wrong classes that are tried for each image, nearest first. */
const TARGETS = 4;
/** Within the largest radius: briefly towards all targets, then longer towards the two that came nearest. */
const STAGES: Stage[] = [
  { step: 'adam', objective: 'hinges', steps: 8, rows: TARGETS },
  { step: 'adam', objective: 'hinges', steps: 30, rows: 2 },
];
/** Within each smaller radius. */
const NARROWER: DescentOptions = { step: 'adam', objective: 'hinges', steps: 60 };

/**
 * Descends within the largest radius from outside, then within smaller ones, each time from what was found within the radius before. Few
 * gradients find much: a model that is broken easily is so at once, and of one that withstands, only the images that it does not withstand
 * are attacked further. What it finds is monotone in the radius. For the demo: the attacks in `list.ts` find more, for many more gradients.
 *
 * @param radii descending
 */
export const narrowing = ({ norm, radii }: { norm: Norm; radii: readonly number[] }): Attack => {
  const [largest = 0, ...smaller] = radii;
  const cost = STAGES.reduce((sum, { rows, steps }) => sum + rows * steps, 0) + smaller.length * NARROWER.steps;
  return {
    name: 'narrowing from outside',
    ...{ knowledge: 'white-box', norm, kind: 'minimum norm', cost, counts: 'best', source: import.meta.url },
    about: `within ${radii.join(', then ')}, ${TARGETS} targets, from what the radius before found: at most ${cost} gradients an image`,
    async run(model, images, labels, _radius, seeds) {
      const size = sizeOf(model.input);
      const { rows, of } = await attackRows(model, images, labels, seeds, { from: 'outside', targets: TARGETS });
      const first = runStages(model, { ...rows, groups: of }, { norm, radius: largest }, STAGES);
      const nearest = first.images.slice();
      let broken = first.found.flatMap((found, row) => (found ? [row] : []));
      for (const radius of smaller) {
        const starts = { ...rows, starts: nearest, groups: of };
        const narrower = descend(model, rowsAt(starts, broken, size), { norm, radius }, NARROWER);
        const still = broken.flatMap((_, i) => (narrower.found[i] ? [i] : []));
        for (const i of still) nearest.set(selectImages(narrower.images, [i], size), (broken[i] as number) * size);
        broken = still.map((i) => broken[i] as number);
      }
      return { images: nearest, of, targets: rows.targets };
    },
  };
};
