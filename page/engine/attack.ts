import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { squaredEuclidean } from '../../shared/decision/latent-space.ts';
import { excessesOf } from './excess.ts';
import type { Networks } from './gradient/networks.ts';

/** What an attack is given: an image, [H, W, C] in [0, 1], its class, and the radius (linf). */
interface Given {
  networks: Networks;
  screening: Screening;
  image: Float32Array;
  label: number;
  radius: number;
  /** Awaited between steps, so that other work gets its turn; true ends the attack. */
  rest: () => Promise<boolean>;
}

/** Finds an image within the radius that the screen takes for another class; null if it was ended. */
type Attack = (given: Given) => Promise<Float32Array | null>;

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
  const to = new Float32Array(image.length);
  for (let i = 0; i < to.length; i++) {
    const at = origin[i % origin.length] as number;
    const value = (image[i] as number) + step * Math.sign(gradient[i] as number);
    to[i] = Math.min(Math.max(value, at - radius, 0), at + radius, 1);
  }
  return to;
}

/** The fast gradient sign method (Goodfellow et al., 2015). */
const fgsm: Attack = async ({ networks, screening, image, label, radius }) =>
  moved(image, image, crossEntropyGradient(networks, screening, image, label), radius, radius);

const PGD_STEPS = 10;

/** Projected gradient descent (Madry et al., ICLR 2018) on the encoder, from the image itself. */
const pgd: Attack = async ({ networks, screening, image, label, radius, rest }) => {
  let attacked = image;
  for (let i = 0; i < PGD_STEPS; i++) {
    if (await rest()) return null;
    attacked = moved(attacked, image, crossEntropyGradient(networks, screening, attacked, label), (2.5 * radius) / PGD_STEPS, radius);
  }
  return attacked;
};

const ADAPTIVE_STEPS = 60;
const TARGETS = 3;
/** As attacks/losses/joint.ts: float32 rounds, and the verdict is that of the screening. */
const ACCEPTED = -1e-3;

/**
 * Descends on every score that the bundle tests: projected gradient descent on the one that is furthest from its threshold, towards each of the nearest
 * wrong classes, from the point of the ball that is nearest to that class's mean image. A short form of attacks/descent.ts.
 */
const adaptive: Attack = async ({ networks, screening, image, label, radius, rest }) => {
  const { means } = screening;
  const excessesAt = excessesOf(networks, screening);
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
    const { excesses, gradient } = excessesAt(images, targets);
    for (const [row, excess] of excesses.entries())
      if (excess < best.excess) best = { excess, image: images.slice(row * image.length, (row + 1) * image.length) };
    if (best.excess < ACCEPTED) break;
    if (await rest()) return null;
    images = moved(images, image, gradient, -(radius / 8) * (1 - i / (ADAPTIVE_STEPS + 1)), radius);
  }
  return best.image;
};

/** The attacks, from weak to strong. */
export const ATTACKS = { fgsm, pgd, adaptive } satisfies Record<string, Attack>;
export type AttackName = keyof typeof ATTACKS;
