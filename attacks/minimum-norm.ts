import * as tf from '@tensorflow/tfjs';
import { noMoments } from './adam.ts';
import { adamDirection } from './adam-direction.ts';
import { lengths, type Norm, projected } from './ball.ts';
import { acceptedAs, looking, type Objective } from './look.ts';
import { column, cosineDecay } from './row-tensors.ts';
import type { Rows } from './rows.ts';
import { tensorOf, type Victim } from './victim.ts';

/** The nearest image of each row that is accepted as its target; where none was found the radius is infinite and the image the start. */
export interface Nearest {
  images: Float32Array;
  radii: number[];
}

export interface MinimumNormOptions {
  norm: Norm;
  steps: number;
  objective: Objective;
}

/** Points on the line from the image to the start that are looked at first. */
const ON_LINE = 16;
/** Of the radius: the length of the first step, and of the last. */
const STEP = { first: 0.2, last: 0.005 };
/** By which the radius shrinks where the image is accepted as the target, and grows where not: at first and at last. */
const RATE = { first: 0.08, last: 0.002 };
/** A start at the image itself has no radius yet. */
const LEAST_RADIUS = { linf: 0.02, l2: 0.2 };

/**
 * The nearest image that is accepted as a wrong class: from the start (best one that is accepted as the target: a training image of it) the joint
 * loss is descended within a radius that shrinks while the image stays accepted-and-wrong and grows where it does not. What is found is monotone in
 * the radius by construction, and it comes from outside: descending from the image itself may never meet what is there.
 * After the fast minimum-norm attack (Pintor et al., NeurIPS 2021), with the start of the decision-based attacks.
 */
export function minimumNorm(victim: Victim, rows: Rows, { norm, steps, objective }: MinimumNormOptions): Nearest {
  const { targets } = rows;
  const { look, glance } = looking(victim, rows, objective);
  const all = targets.map((_, row) => row);
  const origin = tensorOf(victim, rows.origins);
  let image = onTheLine(victim, origin, rows);
  let nearest = image.clone();
  let moments = noMoments(image);
  const best = targets.map(() => Number.POSITIVE_INFINITY);
  const radii = distancesTo(origin, image, norm).map((radius) => Math.max(radius, LEAST_RADIUS[norm]));
  for (let step = 0; step <= steps; step++) {
    const ahead = step < steps ? look(image, all) : null;
    const { accepted } = ahead ?? glance(image, all);
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
    const kept = tf.tidy(() => tf.where(column(better.map(Number)).cast('bool'), image, nearest) as tf.Tensor4D);
    nearest.dispose();
    nearest = kept;
    if (!ahead) continue;
    const { direction, moments: next } = adamDirection(ahead.gradients, moments, norm);
    const moved = tf.tidy(() => {
      const radius = column(radii);
      const onwards = image.sub(direction.mul(radius.mul(cosineDecay(STEP, step / steps)))) as tf.Tensor4D;
      return projected(onwards, origin, norm, radius);
    });
    tf.dispose([image, ahead.gradients, direction, moments.mean, moments.square]);
    [image, moments] = [moved, next];
  }
  const images = nearest.dataSync() as Float32Array;
  tf.dispose([origin, image, nearest, moments.mean, moments.square]);
  return { images, radii: best };
}

/** The point nearest to the image, of some on the line to the start, that is accepted as the target; the start where none is. */
function onTheLine(victim: Victim, origin: tf.Tensor4D, { starts, targets }: Rows): tf.Tensor4D {
  return tf.tidy(() => {
    const start = tensorOf(victim, starts);
    const shares = targets.map(() => 1);
    for (let point = ON_LINE - 1; point > 0; point--) {
      const share = point / ON_LINE;
      const accepted = acceptedAs(victim, origin.add(start.sub(origin).mul(share)) as tf.Tensor4D, targets);
      for (const [i, is] of accepted.entries()) if (is) shares[i] = share;
    }
    return origin.add(start.sub(origin).mul(column(shares))) as tf.Tensor4D;
  });
}

function distancesTo(origin: tf.Tensor4D, image: tf.Tensor4D, norm: Norm): number[] {
  return Array.from(tf.tidy(() => lengths(image.sub(origin) as tf.Tensor4D, norm).dataSync()));
}
