import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { precisionsOf, squaredEuclidean } from '../../shared/decision/latent-space.ts';
import { energyOf } from '../../shared/decision/scores.ts';
import { SCORES, type ScoreName, testedScores } from '../../shared/score-table.ts';
import type { Networks } from './gradient/networks.ts';

/** Weight of all tests beside the one that is furthest from being passed, whose gradient may vanish. */
const SUM_WEIGHT = 0.01;
const TINY = 1e-12;

/** The gradient by what a score is computed from. */
interface Slopes {
  latent: Float32Array;
  reconstruction: Float32Array;
  image: Float32Array;
  /** By the rival margin. */
  margin: number;
}

/** A score of one image for one class, and how it adds `weight` times its slope. */
interface Scored {
  score: number;
  slope(weight: number, to: Slopes): void;
}

/** What the scores of an image for the class y are computed from. */
interface Given {
  screening: Screening;
  y: number;
  image: Float32Array;
  latent: Float32Array;
  /** Of the reconstruction from the image. */
  difference: Float32Array;
  margin: number;
  precision: readonly (readonly number[])[];
  meanImage: Float32Array;
}

/** Adds `weight` times some values. */
function add(to: Float32Array, weight: number, values: ArrayLike<number>): void {
  for (let i = 0; i < to.length; i++) (to[i] as number) += weight * (values[i] as number);
}

/** Returns a + weight * b. */
function sumOf(a: Float32Array, b: Float32Array, weight = 1): Float32Array {
  const sum = a.slice();
  add(sum, weight, b);
  return sum;
}

/** The scores of the decision, with their slopes. */
const RULES: Record<ScoreName, (given: Given) => Scored> = {
  latentDistance({ screening, y, latent, precision }) {
    const away = Array.from(latent, (value, i) => value - (screening.means[y]?.[i] as number));
    const half = away.map((_, i) => away.reduce((sum, value, j) => sum + value * (precision[i]?.[j] as number), 0));
    const score = away.reduce((sum, value, i) => sum + value * (half[i] as number), 0);
    return { score, slope: (weight, { latent: by }) => add(by, 2 * weight, half) };
  },
  reconstructionError: ({ difference }) => ({
    score: energyOf(difference),
    // The error rises with the reconstruction and, the other way, with the image itself.
    slope(weight, { reconstruction, image }) {
      add(reconstruction, 2 * weight, difference);
      add(image, -2 * weight, difference);
    },
  }),
  relativeError(given) {
    const energy = given.screening.relativeErrorOffset + energyOf(given.image);
    const error = RULES.reconstructionError(given);
    return {
      score: error.score / energy,
      slope(weight, to) {
        error.slope(weight / energy, to);
        add(to.image, (-2 * weight * error.score) / energy ** 2, given.image);
      },
    };
  },
  meanReconstructionError: ({ image, meanImage }) => ({
    score: squaredEuclidean(image, meanImage),
    slope: (weight, { image: by }) => add(by, 2 * weight, sumOf(image, meanImage, -1)),
  }),
  rivalMargin: ({ margin }) => ({
    score: margin,
    slope(weight, to) {
      to.margin += weight;
    },
  }),
};

/** The label is the nearest mean: the distance from the target's mean over that from the nearest other counts as a score with threshold 1. */
function nearness({ screening: { means }, y, latent }: Given): Scored {
  const others = means.map((mean, other) => (other === y ? Number.POSITIVE_INFINITY : squaredEuclidean(latent, mean)));
  const rival = others.indexOf(Math.min(...others));
  const [own, other] = [squaredEuclidean(latent, means[y] as number[]), others[rival] as number];
  const from = (label: number, i: number) => (latent[i] as number) - (means[label]?.[i] as number);
  const score = (own + TINY) / (other + TINY);
  return {
    score,
    slope: (weight, { latent: by }) =>
      add(
        by,
        (2 * weight) / (other + TINY),
        latent.map((_, i) => from(y, i) - score * from(rival, i)),
      ),
  };
}

/** Calculates the excesses of a batch, [n], with their gradient by the images, for a target class each. */
export type Excesses = (images: Float32Array, targets: readonly number[]) => { excesses: number[]; gradient: Float32Array };

/**
 * Returns a function that calculates how far each image is from being accepted as its target: the logarithm of the largest score over its
 * threshold, of all scores that the bundle tests. Below zero the image is accepted as its target. The gradient is that of the loss
 * `dominant` of attacks/losses/joint.ts.
 */
export function excessesOf({ encoder, decoder, rivalMargins }: Networks, screening: Screening): Excesses {
  const { thresholds, latentDim, means, covariances } = screening;
  const precisions = precisionsOf(covariances, latentDim);
  const names = testedScores(thresholds);
  const meanImages = new Map<number, Float32Array>();
  const meanImage = (y: number): Float32Array => {
    if (!names.includes('meanReconstructionError')) return new Float32Array();
    const decoded = meanImages.get(y) ?? decoder(Float32Array.from(means[y] as number[])).value;
    meanImages.set(y, decoded);
    return decoded;
  };
  return (images, targets) => {
    const [encoded, margins] = [encoder(images), rivalMargins?.(images, targets)];
    const decoded = decoder(encoded.value);
    const pixels = images.length / targets.length;
    const all: Slopes = {
      latent: new Float32Array(encoded.value.length),
      reconstruction: new Float32Array(images.length),
      image: new Float32Array(images.length),
      margin: 0,
    };
    const byMargin: number[] = [];
    const excesses = targets.map((y, row) => {
      const at = (values: Float32Array, size: number) => values.subarray(row * size, (row + 1) * size);
      const [image, reconstruction] = [at(images, pixels), at(decoded.value, pixels)];
      const given: Given = {
        ...{ screening, y, image, latent: at(encoded.value, latentDim), margin: margins?.value[row] ?? Number.NaN },
        difference: sumOf(reconstruction, image, -1),
        ...{ precision: precisions[y] as number[][], meanImage: meanImage(y) },
      };
      const limitOf = (name: ScoreName) => thresholds[SCORES[name].threshold]?.[y] ?? Number.NaN;
      const tests = [
        { ...nearness(given), limit: 1 },
        ...names.map((name) => ({ ...RULES[name](given), limit: Math.max(limitOf(name), TINY) })),
      ];
      const logs = tests.map(({ score, limit }) => Math.log((score + TINY) / limit));
      const largest = Math.max(...logs);
      const to: Slopes = {
        ...{ latent: at(all.latent, latentDim), reconstruction: at(all.reconstruction, pixels) },
        ...{ image: at(all.image, pixels), margin: 0 },
      };
      for (const [i, { score, slope }] of tests.entries()) slope(((logs[i] === largest ? 1 : 0) + SUM_WEIGHT) / (score + TINY), to);
      byMargin.push(to.margin);
      return largest;
    });
    const throughDecoder = decoded.pullback(all.reconstruction);
    const gradient = sumOf(all.image, encoded.pullback(sumOf(all.latent, throughDecoder)));
    return { excesses, gradient: margins ? sumOf(gradient, margins.pullback(byMargin)) : gradient };
  };
}
