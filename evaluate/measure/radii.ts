import type { Attack } from '../../attacks/attack.ts';
import type { Norm } from '../../attacks/steps/projection.ts';
import type { ImageShape } from '../../attacks/tensors.ts';

/* No part imports this file, as a part has its own radius: other radii here do not run finished jobs again. */

/** The radii of each norm, ascending. */
export type Radii = Readonly<Record<Norm, readonly number[]>>;

/** The radii of linf: 2, 4 and 8 of 255 levels for images in colour, on which larger changes are plain to see. */
const LINF = { grey: [0.05, 0.1, 0.2, 0.3], colour: [2 / 255, 4 / 255, 8 / 255] };
const L2 = [0.5, 1, 1.5, 2];
/** Pixels of 28 x 28; of a larger image the same shares. With 100 the nearest training image of another digit is within reach as it is. */
const L0 = { pixels: 28 * 28, radii: [5, 10, 25, 50] };

/** Returns the radii at which reports state the undetected error of such images, and at which attacks at a fixed radius are run. */
export const radiiFor = ({ height, width, channels }: ImageShape): Radii => ({
  linf: channels === 1 ? LINF.grey : LINF.colour,
  l2: L2,
  l0: L0.radii.map((radius) => Math.max(1, Math.round((radius * height * width) / L0.pixels))),
});

/** Returns every radius that an attack is run at; null where it takes none. */
export const radiiOf = ({ kind, norm }: Attack, input: ImageShape): readonly (number | null)[] =>
  kind === 'fixed radius' && norm ? radiiFor(input)[norm] : [null];
