import * as tf from '@tensorflow/tfjs';
import type { Attack, GradientModel } from './attack.ts';
import { acceptedAs, type ObjectiveName, objectiveOf } from './losses/objective.ts';
import { attackRows, MOST_TARGETS, type RowOptions, type Rows } from './rows.ts';
import { adamDirection, downhill, noMoments } from './steps/adam.ts';
import { lengths, type Norm, projectToBall, steepest, stepUnit } from './steps/projection.ts';
import { cosineDecay } from './steps/step.ts';
import { column, concatImages, mask, tensorOf, valuesOf } from './tensors.ts';

/** Rows that are attacked together: which, with which loss and for how long. */
interface Round extends RowOptions {
  objective: ObjectiveName;
  steps: number;
}

const OUTSIDE: Round[] = [
  { from: 'outside', targets: MOST_TARGETS, objective: 'hinges', steps: 150 },
  { from: 'outside', targets: 4, neighbours: 2, skip: 1, objective: 'hinges', steps: 250 },
  { from: 'outside', targets: 4, skip: 3, objective: 'log-sum-exp', steps: 200 },
];
const IMAGE: Round[] = [
  { from: 'image', targets: MOST_TARGETS, objective: 'hinges', steps: 150 },
  { from: 'image', targets: 4, objective: 'orthogonal', steps: 100 },
];

/** A fifth of the gradients of `OUTSIDE`, for many images. */
const BRIEF: Round[] = [{ from: 'outside', targets: 5, objective: 'hinges', steps: 150 }];

interface Options {
  norm: Norm;
  /** times the usual gradients, a square number: half of it goes into steps and half into starts, where there are several */
  budget?: number;
}

/** Begins at the nearest own image of each wrong class, then at more images of the nearer classes and with another loss. */
export const minimumNormFromOutside = ({ norm, budget = 1 }: Options) => {
  const times = Math.sqrt(budget);
  const more = ({ neighbours = 1, skip = 0, steps, ...round }: Round) => ({
    ...{ ...round, steps: times * steps, neighbours: times * neighbours, skip: times * skip },
  });
  return minimumNormAttack('nearest from outside', norm, OUTSIDE.map(more));
};

/** Begins at the nearest own image of each of the five nearest wrong classes. */
export const briefMinimumNorm = ({ norm }: Pick<Options, 'norm'>) => minimumNormAttack('nearest from outside, brief', norm, BRIEF);

/** Begins at the image itself. */
export const minimumNormFromImage = ({ norm, budget = 1 }: Options) =>
  minimumNormAttack(
    'nearest from the image',
    norm,
    IMAGE.map((round) => ({ ...round, steps: budget * round.steps })),
  );

function minimumNormAttack(name: string, norm: Norm, rounds: Round[]): Attack {
  const starts = ({ targets, neighbours = 1 }: Round) => targets * neighbours;
  const cost = rounds.reduce((sum, round) => sum + starts(round) * round.steps * (round.objective === 'orthogonal' ? 2 : 1), 0);
  const budget = rounds.map(
    ({ targets, neighbours = 1, objective, steps }) => `${targets} targets x ${neighbours} starts x ${steps} steps (${objective})`,
  );
  return {
    ...{ name, norm, cost, knowledge: 'white-box', kind: 'minimum norm', counts: 'best', source: import.meta.url },
    about: `minimum norm on the joint decision, ${budget.join(', ')}: at most ${cost} gradients an image`,
    async run(model, images, labels, _radius, seeds) {
      const found: Float32Array[] = [];
      const [of, targets]: [number[], number[]] = [[], []];
      for (const { objective, steps, ...options } of rounds) {
        const own = await attackRows(model, images, labels, seeds, options);
        if (own.of.length === 0) continue;
        found.push(minimumNorm(model, own.rows, { norm, steps, objective }).images);
        of.push(...own.of);
        targets.push(...own.rows.targets);
      }
      return { images: concatImages(found), of, targets };
    },
  };
}

/** The nearest image of each row that is accepted as its target. Where there is none the radius is infinite and the image the start. */
export interface Nearest {
  images: Float32Array;
  radii: number[];
}

/** Points on the line from the image to the start that are tried first. */
const ON_LINE = 16;
/** Lengths of the first and the last step, as shares of the radius. */
const STEP = { first: 0.2, last: 0.005 };
/** Shares by which the radius shrinks where the image is accepted as the target, and grows where it is not. */
const RATE = { first: 0.08, last: 0.002 };
/** The first radius of a start at the image itself. */
const LEAST_RADIUS = { linf: 0.02, l2: 0.2, l0: 5 };

/**
 * Finds the nearest image that is accepted as the target. From the start, best a training image of the target, it descends the joint loss
 * within a radius that shrinks while the image is accepted as the target and grows while it is not. What it finds is monotone in the radius
 * by construction; and it comes from outside, as a descent from the image itself may never meet what is there. After the fast minimum-norm
 * attack (Pintor et al., NeurIPS 2021), with the start of the decision-based attacks.
 */
export function minimumNorm(
  model: GradientModel,
  rows: Rows,
  { norm, steps, objective: name }: { norm: Norm; steps: number; objective: ObjectiveName },
): Nearest {
  const { targets } = rows;
  const objective = objectiveOf(model, rows, name);
  const all = targets.map((_, row) => row);
  const origin = tensorOf(model, rows.origins);
  let image = onTheLine(model, origin, rows);
  let nearest = image.clone();
  const directions = norm === 'l2' ? steepestDirections : adamDirections(image, norm);
  const best = targets.map(() => Number.POSITIVE_INFINITY);
  const radii = distancesTo(origin, image, norm).map((radius) => Math.max(radius, LEAST_RADIUS[norm]));
  for (let step = 0; step <= steps; step++) {
    const ahead = step < steps ? objective.lossAndGradients(image, all) : null;
    const { accepted } = ahead ?? objective.loss(image, all);
    const found = distancesTo(origin, image, norm);
    const rate = cosineDecay(RATE, step / steps);
    const better = all.map((i) => {
      const radius = found[i] as number;
      const isBetter = accepted[i] === true && radius < (best[i] as number);
      if (isBetter) best[i] = radius;
      radii[i] = accepted[i]
        ? Math.min(radius, radii[i] as number) * (1 - rate)
        : Math.min((radii[i] as number) * (1 + rate), (best[i] as number) * (1 - RATE.last));
      return isBetter;
    });
    const kept = tf.tidy(() => tf.where(mask(better), image, nearest) as tf.Tensor4D);
    nearest.dispose();
    nearest = kept;
    if (!ahead) continue;
    const direction = directions.next(ahead.gradients, image);
    const moved = tf.tidy(() => {
      const radius = column(radii);
      const onwards = image.sub(direction.mul(stepUnit(norm, radius)).mul(cosineDecay(STEP, step / steps))) as tf.Tensor4D;
      return projectToBall(onwards, origin, norm, radius);
    });
    tf.dispose([image, ahead.gradients, direction]);
    image = moved;
  }
  directions.dispose();
  return { images: valuesOf(nearest, origin, image), radii: best };
}

/** The directions of a descent, step by step; the caller disposes of each. */
interface Directions {
  next(gradients: tf.Tensor4D, images: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

/**
 * Follows the gradient, for l2. Adam moves all values by about as much, and so uses up a radius that the best changes spend on few values:
 * of the changes within 1.5 that this finds, Adam finds a tenth (docs/robustness.md).
 */
const steepestDirections: Directions = {
  next: (gradients, images) => tf.tidy(() => steepest(downhill(gradients, images), 'l2')),
  dispose: () => {},
};

function adamDirections(start: tf.Tensor4D, norm: Norm): Directions {
  let moments = noMoments(start);
  const dispose = () => tf.dispose([moments.mean, moments.square]);
  return {
    next(gradients, images) {
      const { direction, moments: next } = adamDirection(gradients, images, moments, norm);
      dispose();
      moments = next;
      return direction;
    },
    dispose,
  };
}

/** Returns the point on the line to the start, nearest to the image, that is accepted as the target; the start where none is. */
function onTheLine(model: GradientModel, origin: tf.Tensor4D, { starts, targets }: Rows): tf.Tensor4D {
  return tf.tidy(() => {
    const start = tensorOf(model, starts);
    const shares = targets.map(() => 1);
    for (let point = ON_LINE - 1; point > 0; point--) {
      const share = point / ON_LINE;
      const accepted = acceptedAs(model, origin.add(start.sub(origin).mul(share)) as tf.Tensor4D, targets);
      for (const [i, is] of accepted.entries()) if (is) shares[i] = share;
    }
    return origin.add(start.sub(origin).mul(column(shares))) as tf.Tensor4D;
  });
}

function distancesTo(origin: tf.Tensor4D, image: tf.Tensor4D, norm: Norm): number[] {
  return Array.from(tf.tidy(() => lengths(image.sub(origin) as tf.Tensor4D, norm).dataSync()));
}
