import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { precisionsOf, squaredEuclidean } from '../../shared/decision/latent-space.ts';
import { energyOf } from '../../shared/decision/scores.ts';
import type { Networks } from './gradient/networks.ts';

/** Finds an image within a radius (linf) of `image`, [H, W, C] in [0, 1], that the screen takes for another class than `label`. */
type Attack = (given: { networks: Networks; screening: Screening; image: Float32Array; label: number; radius: number }) => Float32Array;

/** The encoder has no logits: -||z - mu||^2 / T takes their place, as in attacks/losses/cross-entropy.ts. */
const TEMPERATURE = 0.1;

/** Returns the gradient by the image of the cross-entropy of `label`. */
export function crossEntropyGradient({ encoder }: Networks, { means }: Screening, image: Float32Array, label: number): Float32Array {
  const { value: latent, pullback } = encoder(image);
  const logits = means.map((mean) => -squaredEuclidean(latent, mean) / TEMPERATURE);
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  const slopes = powers.map((power, y) => power / sum - (y === label ? 1 : 0));
  return pullback(
    latent.map((value, i) =>
      slopes.reduce((total, slope, y) => total - (2 * slope * (value - (means[y]?.[i] as number))) / TEMPERATURE, 0),
    ),
  );
}

/** Moves each value by `step` against or along its gradient, within the radius of the origin and [0, 1]. */
function moved(image: Float32Array, origin: Float32Array, gradient: Float32Array, step: number, radius: number): Float32Array {
  return image.map((value, i) => {
    const at = origin[i % origin.length] as number;
    const to = Math.min(Math.max(value + step * Math.sign(gradient[i] as number), at - radius), at + radius);
    return Math.min(Math.max(to, 0), 1);
  });
}

/** The fast gradient sign method (Goodfellow et al., 2015). */
const fgsm: Attack = ({ networks, screening, image, label, radius }) =>
  moved(image, image, crossEntropyGradient(networks, screening, image, label), radius, radius);

const PGD_STEPS = 10;

/** Projected gradient descent (Madry et al., ICLR 2018) on the encoder, from the image itself. */
const pgd: Attack = ({ networks, screening, image, label, radius }) => {
  let attacked = image;
  for (let i = 0; i < PGD_STEPS; i++)
    attacked = moved(attacked, image, crossEntropyGradient(networks, screening, attacked, label), (2.5 * radius) / PGD_STEPS, radius);
  return attacked;
};

const ADAPTIVE_STEPS = 60;
const TARGETS = 3;
/** Weight of all tests beside the one that is furthest from being passed, whose gradient may vanish. */
const SUM_WEIGHT = 0.01;

/**
 * Descends on both tests at once: projected gradient descent on the test that is furthest from its threshold, towards each of the nearest
 * wrong classes, from the point of the ball that is nearest to that class's mean image. A short form of attacks/descent.ts.
 */
const adaptive: Attack = ({ networks, screening, image, label, radius }) => {
  const { means, covariances, latentDim } = screening;
  const precisions = precisionsOf(covariances, latentDim);
  const { value: latent } = networks.encoder(image);
  const targets = means
    .map((mean, y) => ({ y, distance: squaredEuclidean(latent, mean) }))
    .filter(({ y }) => y !== label)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, TARGETS)
    .map(({ y }) => y);
  const outside = networks.decoder(Float32Array.from(targets.flatMap((y) => means[y] as number[]))).value;
  let images = moved(outside, image, outside, 0, radius);
  let best = { image, excess: Number.POSITIVE_INFINITY };
  for (let i = 0; i <= ADAPTIVE_STEPS; i++) {
    const { excesses, gradient } = excessesOf(networks, screening, precisions, images, targets);
    for (const [row, excess] of excesses.entries())
      if (excess < best.excess) best = { excess, image: images.slice(row * image.length, (row + 1) * image.length) };
    if (best.excess < 0) break;
    images = moved(images, image, gradient, -(radius / 8) * (1 - i / (ADAPTIVE_STEPS + 1)), radius);
  }
  return best.image;
};

/**
 * Calculates how far each image is from being accepted as its target: the logarithm of the largest score over its threshold, and its gradient
 * by the image; so counts its distance from the target's mean over that from the nearest other. Below zero it passes the tests that the
 * paper has, and the relative error.
 */
function excessesOf(
  { encoder, decoder }: Networks,
  { thresholds, latentDim, means, relativeErrorOffset }: Screening,
  precisions: number[][][],
  images: Float32Array,
  targets: readonly number[],
) {
  const encoded = encoder(images);
  const decoded = decoder(encoded.value);
  const pixels = images.length / targets.length;
  const byLatent = new Float32Array(encoded.value.length);
  const byReconstruction = images.map((value, i) => 2 * ((decoded.value[i] as number) - value));
  const direct = new Float32Array(images.length);
  const excesses = targets.map((y, row) => {
    const at = (values: Float32Array, size: number) => values.subarray(row * size, (row + 1) * size);
    const [image, difference, latent] = [at(images, pixels), at(byReconstruction, pixels), at(encoded.value, latentDim)];
    const away = Array.from(latent, (value, i) => value - (means[y]?.[i] as number));
    const half = away.map((_, i) => away.reduce((sum, value, j) => sum + value * (precisions[y]?.[i]?.[j] as number), 0));
    const distance = away.reduce((sum, value, i) => sum + value * (half[i] as number), 0);
    const error = energyOf(difference) / 4;
    const energy = relativeErrorOffset + energyOf(image);
    const relative = thresholds.maxRelativeError?.[y];
    // Where the rooms of classes overlap, the target must also be the nearest class.
    const others = means.map((mean, other) => (other === y ? Number.POSITIVE_INFINITY : squaredEuclidean(latent, mean)));
    const nearest = others.indexOf(Math.min(...others));
    const squares = { own: squaredEuclidean(latent, means[y] as number[]), other: others[nearest] as number };
    const logs = [
      Math.log(squares.own / squares.other),
      Math.log(distance / (thresholds.maxLatentDistance[y] as number)),
      Math.log(error / (thresholds.maxReconstructionError[y] as number)),
      ...(relative === undefined ? [] : [Math.log(error / energy / relative)]),
    ];
    const largest = Math.max(...logs);
    const [onNearest = 0, onDistance = 0, onError = 0, onRelative = 0] = logs.map((log) => (log === largest ? 1 : 0) + SUM_WEIGHT);
    const fromNearest = (i: number) => (latent[i] as number) - (means[nearest]?.[i] as number);
    at(byLatent, latentDim).set(
      half.map((value, i) => {
        const towards = (away[i] as number) / squares.own - fromNearest(i) / squares.other;
        return 2 * ((onDistance * value) / distance + onNearest * towards);
      }),
    );
    const weight = (onError + onRelative) / error;
    // The error falls with the reconstruction and, the other way, with the image itself; a larger energy lowers the relative error.
    at(direct, pixels).set(image.map((value, i) => -weight * (difference[i] as number) - (2 * onRelative * value) / energy));
    difference.set(difference.map((value) => weight * value));
    return largest;
  });
  const throughDecoder = decoded.pullback(byReconstruction);
  const throughEncoder = encoded.pullback(byLatent.map((value, i) => value + (throughDecoder[i] as number)));
  return { excesses, gradient: direct.map((value, i) => value + (throughEncoder[i] as number)) };
}

/** The attacks, from weak to strong. */
export const ATTACKS = { fgsm, pgd, adaptive } satisfies Record<string, Attack>;
export type AttackName = keyof typeof ATTACKS;
