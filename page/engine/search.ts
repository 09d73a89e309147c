import type { Screening } from '../../shared/bundle/screening-schema.ts';
import {
  EVIDENCE_SCALE,
  latentDistance,
  nearestMean,
  PRIOR_IN_MARGIN,
  precisionsOf,
  squaredEuclidean,
} from '../../shared/decision/latent-space.ts';
import { energyOf, type Scores, withDerived } from '../../shared/decision/scores.ts';
import type { Networks } from './gradient/networks.ts';

/** The best explanation of an image by one class. */
export interface Explanation {
  /** Index of the class that the search began at. */
  class: number;
  latent: Float32Array;
  /** [H, W, C] */
  reconstruction: Float32Array;
  /** ||g(z) - x||^2 */
  error: number;
  objective: number;
}

/** The paper's search, for bundles that do not say what theirs is. */
const PAPERS: NonNullable<Screening['provenance']['search']> = {
  ...{
    stages: [
      { starts: 10, steps: 4 },
      { starts: 5, steps: 8 },
      { starts: 2, steps: 20 },
    ],
    encoding: true,
  },
  ...{ learningRate: 0.03, priorWeight: 0, encoderWeight: 0 },
};
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** A start of the search: its latent, with Adam's moments, and the best that it has come to. */
interface Start {
  class: number;
  latent: Float32Array;
  first: Float32Array;
  second: Float32Array;
  evidence: number;
  best: Explanation;
}

/**
 * Searches for the classes and latents that explain an image best, by the objective and the stages of reclassify.onnx (export/search.ts),
 * one stage after the other.
 *
 * @param rest is awaited between steps, so that a page stays alive; true ends the search
 * @returns the scores of the winner, as reclassify.onnx answers them, and each class's best explanation, the best first; null if it was ended
 */
export async function searchClasses(
  networks: Networks,
  screening: Screening,
  image: Float32Array,
  rest: () => Promise<boolean>,
): Promise<{ scores: Scores; explanations: Explanation[] } | null> {
  const { means, provenance, latentDim } = screening;
  const search = provenance.search ?? PAPERS;
  let starts = firstStarts(networks, screening, image, search);
  const ends: Explanation[] = [];
  let step = 0;
  for (const [i, stage] of search.stages.entries()) {
    if (i > 0) starts = starts.toSorted((a, b) => a.best.objective - b.best.objective).slice(0, stage.starts);
    // The last stage takes one more pass, which evaluates the latent of its last step.
    const passes = stage.steps + (i === search.stages.length - 1 ? 1 : 0);
    for (let pass = 0; pass < passes; pass++) {
      stepAll(networks, screening, image, starts, search, ++step);
      if (await rest()) return null;
    }
    ends.push(...starts.map(({ best }) => best));
  }
  ends.sort((a, b) => a.objective - b.objective);
  const winner = ends[0] as Explanation;
  const label = nearestMean(winner.latent, means);
  const prior = search.priorWeight * squaredEuclidean(winner.latent, means[label] as number[]);
  const others = ends.filter((end) => nearestMean(end.latent, means) !== label).map(({ error }) => error);
  const precision = precisionsOf(screening.covariances, latentDim)[label] as number[][];
  const scores = {
    label,
    latentDistance: latentDistance(winner.latent, means[label] as number[], precision),
    reconstructionError: winner.error,
    runnerUpError: Math.max(0, Math.min(...others) - PRIOR_IN_MARGIN * prior),
  };
  const explanations = ends.filter((end, i) => ends.findIndex((other) => other.class === end.class) === i);
  return { scores: withDerived(scores, image, screening), explanations };
}

/** Makes the starts: the class means whose reconstructions are nearest to the image, and the encoder's own latent. */
function firstStarts(
  networks: Networks,
  { means, latentDim }: Screening,
  image: Float32Array,
  { stages, encoding, encoderWeight }: typeof PAPERS,
): Start[] {
  const own = Float32Array.from(networks.encoder(image).value);
  const most = stages[0]?.starts ?? means.length;
  const all = means.map((mean, y) => ({ y, latent: Float32Array.from(mean) }));
  const errorOf = ({ latent }: { latent: Float32Array }) => squaredEuclidean(networks.decoder(latent).value, image);
  const chosen = means.length <= most ? all : sortedBy(all, errorOf).slice(0, most);
  if (encoding) chosen.push({ y: nearestMean(own, means), latent: own });
  return chosen.map(({ y, latent }) => ({
    class: y,
    latent,
    first: new Float32Array(latentDim),
    second: new Float32Array(latentDim),
    evidence: encoderWeight * Math.log(1 + squaredEuclidean(own, means[y] as number[]) / EVIDENCE_SCALE),
    best: { class: y, latent, reconstruction: image, error: Number.POSITIVE_INFINITY, objective: Number.POSITIVE_INFINITY },
  }));
}

function sortedBy<T>(values: readonly T[], key: (value: T) => number): T[] {
  return values
    .map((value) => ({ value, key: key(value) }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

/** Evaluates all starts, keeps the best of each, and takes a step of Adam (Kingma and Ba, 2015, algorithm 1). */
function stepAll(
  { decoder }: Networks,
  { means, latentDim }: Screening,
  image: Float32Array,
  starts: Start[],
  { learningRate, priorWeight }: typeof PAPERS,
  step: number,
): void {
  const latents = new Float32Array(starts.length * latentDim);
  for (const [row, { latent }] of starts.entries()) latents.set(latent, row * latentDim);
  const { value: decoded, pullback } = decoder(latents);
  const differences = decoded.map((value, i) => value - (image[i % image.length] as number));
  const halfGradients = pullback(differences);
  for (const [row, start] of starts.entries()) {
    const mean = means[start.class] as number[];
    const [from, to] = [row * image.length, (row + 1) * image.length];
    const error = energyOf(differences.subarray(from, to));
    const objective = error + priorWeight * squaredEuclidean(start.latent, mean) + start.evidence;
    if (objective < start.best.objective)
      start.best = { class: start.class, latent: start.latent, reconstruction: decoded.slice(from, to), error, objective };
    start.latent = Float32Array.from(start.latent, (value, i) => {
      const gradient = 2 * ((halfGradients[row * latentDim + i] as number) + priorWeight * (value - (mean[i] as number)));
      const first = BETA1 * (start.first[i] as number) + (1 - BETA1) * gradient;
      const second = BETA2 * (start.second[i] as number) + (1 - BETA2) * gradient ** 2;
      [start.first[i], start.second[i]] = [first, second];
      return value - (learningRate * first) / (1 - BETA1 ** step) / (Math.sqrt(second / (1 - BETA2 ** step)) + EPSILON);
    });
  }
}
