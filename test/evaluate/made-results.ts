import type { JobResult } from '../../evaluate/jobs/job.ts';
import { type Descriptor, descriptorOf, type Outcome } from '../../evaluate/measure/outcome.ts';
import { radiiFor } from '../../evaluate/measure/radii.ts';

/** The outcome of an image, in a letter: accepted right, accepted wrong, rejected. */
type Verdict = 'right' | 'wrong' | 'rejected';

/** An outcome as jobs give it; a zero that is accepted as it is, unless it is said otherwise. */
export function made(image: number, verdict: Verdict, more: Partial<Outcome> = {}): Outcome {
  return {
    ...{ attack: 'A', image, truth: 0, target: null, norm: 'linf', eps: null, radius: null, label: verdict === 'wrong' ? 3 : 0 },
    ...{ accepted: verdict !== 'rejected', reason: verdict === 'rejected' ? 'latent-distance' : null },
    ...{ latentDistance: 0.1, reconstructionError: 3, relativeError: 0.05, reclassified: null, queries: null, picture: null },
    ...more,
  };
}

/** Of MNIST's images. */
export const RADII = radiiFor({ height: 28, width: 28, channels: 1 });

export const KEY = { id: 'f'.repeat(64), seed: 7, backend: 'wasm' };

/** A job's description of its part: an attack at a fixed radius by default. */
export function described(job: JobResult, attack: Partial<Descriptor['attack']>, more: Partial<Descriptor> = {}): JobResult {
  const own = job.descriptor;
  return { ...job, descriptor: { ...own, attack: own.attack && { ...own.attack, ...attack }, ...more } };
}

/** The test images as they are. */
export const clean = (outcomes: Outcome[], part = 'clean test images') =>
  result(part, outcomes, { descriptor: descriptorOf({ images: 'clean' }) });

/** One job that is the whole of a part. */
export function result(part: string, outcomes: Outcome[], more: Partial<JobResult> = {}): JobResult {
  const images = new Set(outcomes.map(({ image }) => image)).size;
  const { attack = 'A', norm = null, eps = null } = outcomes[0] ?? {};
  const about = `${attack}: 3 targets x 100 steps`;
  return {
    version: 2,
    ...{ ...KEY, source: 'a'.repeat(64) },
    protocol: 'adaptive',
    part,
    about,
    descriptor: descriptorOf({
      ...{ images: 'attacked', radius: eps },
      attack: { ...{ name: attack, knowledge: 'white-box', norm, kind: 'fixed radius' }, cost: 300, targeted: false },
    }),
    images,
    from: 0,
    to: images,
    seconds: 1.5,
    outcomes,
    gradients: [],
    figures: [],
    ...more,
  };
}

/** A part at a fixed radius, of which so many of 100 images are broken, the first ones. */
export const broken = (attack: string, eps: number, count: number, of = 100, norm: 'linf' | 'l2' = 'linf') =>
  result(
    `${attack}, ${norm} ${eps}`,
    Array.from({ length: of }, (_, image) => {
      return image < count ? made(image, 'wrong', { attack, eps, norm, radius: eps }) : made(image, 'right', { attack, eps, norm });
    }),
  );

/** An attack that looks for the nearest image: the radius of each image, null where it found none. */
export const nearest = (name: string, radii: (number | null)[], norm: 'linf' | 'l2' = 'linf') =>
  described(
    result(
      `${name}, ${norm}`,
      radii.map((radius, image) => made(image, radius === null ? 'right' : 'wrong', { attack: `${name}, ${norm}`, norm, radius })),
    ),
    { kind: 'minimum norm' },
  );

/** The same, of an attack without gradients. */
export const blackBox = (job: JobResult) => described(job, { knowledge: 'black-box' });
