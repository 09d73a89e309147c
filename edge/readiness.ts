import { float32FromBase64 } from '../shared/bundle/float32-base64.ts';
import type { Model } from './screen.ts';

/** Sums of float32 differ a little between processors. */
const TOLERANCE = 1e-3;

/** How long an answer holds; until then nothing is computed again. */
const HOLDS_MS = 10_000;

/** Says what differs from the export; null if nothing does. */
export type Readiness = (model: Model) => Promise<string | null>;

/**
 * Creates a readiness check that shares one run of the golden image among all who ask while it holds.
 *
 * @param checkedAtStart whether the golden image was run when the model was loaded: that result then holds from the first question on,
 *   because a worker has no clock at start-up
 */
export function createReadiness(checkedAtStart: boolean): Readiness {
  let last: { at: number; problem: Promise<string | null> } | undefined;
  return (model) => {
    const now = Date.now();
    if (!last && checkedAtStart) last = { at: now, problem: Promise.resolve(null) };
    if (!last || now - last.at >= HOLDS_MS || now < last.at) last = { at: now, problem: goldenProblem(model) };
    return last.problem;
  };
}

/** Runs the golden image. @returns what differs from the export, or null where nothing does */
export async function goldenProblem({ screening, screen }: Model): Promise<string | null> {
  const { golden } = screening;
  const output = await screen(float32FromBase64(golden.image), 1, false);
  if (Number(output.label[0]) !== golden.label) return `the golden image is labelled ${output.label[0]}, not ${golden.label}`;
  const pairs: [string, number | undefined, number][] = [
    ['latent_distance', output.latentDistance[0], golden.latentDistance],
    ['reconstruction_error', output.reconstructionError[0], golden.reconstructionError],
    ...golden.latent.map((value, i): [string, number | undefined, number] => [`latent[${i}]`, output.latent[i], value]),
  ];
  const odd = pairs.find(([, actual, expected]) => !(Math.abs((actual ?? Number.NaN) - expected) <= TOLERANCE * (1 + Math.abs(expected))));
  return odd ? `the golden image's ${odd[0]} is ${odd[1]}, not ${odd[2]}` : null;
}
