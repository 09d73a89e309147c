import type { JobResult } from '../../evaluate/jobs/job.ts';
import type { Outcome } from '../../evaluate/protocols/outcome.ts';

/** What became of an image, in a letter: accepted right, accepted wrong, rejected. */
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

export const KEY = { id: 'f'.repeat(64), seed: 7, backend: 'wasm', attacks: 'a'.repeat(64) };

/** One job that is the whole of a part. */
export function result(part: string, outcomes: Outcome[], more: Partial<JobResult> = {}): JobResult {
  const images = new Set(outcomes.map(({ image }) => image)).size;
  const about = `${outcomes[0]?.attack}: 3 targets x 100 steps`;
  return {
    version: 1,
    ...KEY,
    protocol: 'adaptive',
    part,
    about,
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
  result(
    `${name}, ${norm}`,
    radii.map((radius, image) => made(image, radius === null ? 'right' : 'wrong', { attack: `${name}, ${norm}`, norm, radius })),
  );
