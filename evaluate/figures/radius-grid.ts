import type { Norm } from '../../attacks/ball.ts';
import { RADII } from '../protocols/adaptive.ts';
import { brokenWithin } from './broken-radii.ts';
import type { BrokenWithin } from './report-schema.ts';

/** About so many radii. */
const STEPS = 100;
/** Beyond so many times the largest radius of the tables nothing is drawn: there an image is another one. */
const MOST_TIMES = 3;

/** From 0 to the largest radius found, in round steps, with the images broken within each. */
export function brokenOverRadii(least: ReadonlyMap<number, number>, images: ReadonlySet<number>, norm: Norm): BrokenWithin {
  const table = Math.max(...RADII[norm]);
  const found = [...images].flatMap((image) => least.get(image) ?? []);
  const upper = Math.min(MOST_TIMES * table, Math.max(table, ...found));
  const step = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25].find((width) => upper / width <= STEPS) ?? 1;
  const radii = Array.from({ length: Math.ceil(upper / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
  return { radii, broken: radii.map((radius) => brokenWithin(least, images, radius)) };
}
