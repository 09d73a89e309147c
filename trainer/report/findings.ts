import * as tf from '@tensorflow/tfjs';
import { PCA } from 'ml-pca';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { decide } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { randomFrom } from '../../shared/random.ts';
import { CHOSEN_SCORES, DEFAULT_SCORES, optionalScores, SCORES } from '../../shared/score-table.ts';
import { thresholdsFor } from '../calibrate.ts';
import { deviationsOf } from '../covariances.ts';
import { type Dataset, imagesAt, labelsAt } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import { encodeAt, scoresOf } from '../encode.ts';
import { type Measured, measure } from '../measured.ts';
import type { Model } from '../model/build-model.ts';
import { type Outcomes, outcomesByClass, outcomesOf } from '../outcomes.ts';
import type { Calibrated } from '../run.ts';
import { defaultCalibration } from '../run-config.ts';

/** Everything that a report shows of a calibrated model, measured on the test split. */
export interface Findings {
  measured: Measured;
  /** Counts of the accepted images by true class and label. */
  confusion: { truth: string; label: string; count: number }[];
  scores: Scores[];
  labels: number[];
  /** Latents on the two directions in which they vary most. */
  plane: { x: number; y: number; truth: string }[];
  /** The false-rejection rate that is asked for, and the measured one, over all images and in the worst class. */
  reliability: { alpha: number; overall: number; worstClass: number }[];
  /** Images that the decoder makes of each class. */
  generated: { images: Float32Array[]; perClass: number };
  /** The images that are reconstructed best, in the middle and worst, a third each. */
  reconstructions: { images: Float32Array[]; reconstructed: Float32Array[] };
}

/** Most points in the plane of latents. */
const PLANE_POINTS = 1500;
const RECONSTRUCTIONS = 12;
const ALPHAS = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2];
/** Images that the decoder makes of samples of a class; with more classes than this, only of their means. */
const SAMPLES = 11;
const MOST_CLASSES_SAMPLED = 20;
/** Latents in a batch of the decoder. */
const AT_ONCE = 20;

/** Measures a calibrated model. @throws the signal's reason, where it is aborted */
export async function findingsOf(
  model: Model,
  dataset: Dataset,
  splits: Splits,
  calibrated: Calibrated,
  signal?: AbortSignal,
): Promise<Findings> {
  const { test, train, input, classes } = dataset;
  const { means, covariances } = calibrated;
  const settings = { ...calibrated, scores: optionalScores(calibrated.thresholds) };
  const encode = (split: 'test' | 'tune' | 'calibration') =>
    encodeAt(model, split === 'test' ? test : train, splits[split], input, settings, signal);
  const encodings = await encode('test');
  const scores = scoresOf(encodings, means, covariances);
  const tune = scoresOf(await encode('tune'), means, covariances);
  const calibration = scoresOf(await encode('calibration'), means, covariances);
  const labels = labelsAt(test, splits.test);
  return {
    measured: measure('test', { scores, labels, indices: splits.test }, dataset, calibrated),
    confusion: confusionOf(scores, labels, classes, calibrated),
    ...{ scores, labels },
    plane: planeOf(encodings, labels, classes),
    reliability: reliabilityOf({ tune, calibration }, { scores, labels }, classes, calibrated),
    generated: generatedBy(model, input, calibrated),
    reconstructions: reconstructionsBy(model, dataset, splits, scores),
  };
}

function confusionOf(scores: readonly Scores[], labels: readonly number[], classes: string[], { thresholds }: Calibrated) {
  const accepted = [...scores.keys()].filter((i) => decide(scores[i] as Scores, thresholds).accepted);
  const cells = Map.groupBy(accepted, (i) => (labels[i] as number) * classes.length + (scores[i] as Scores).label);
  return Array.from(cells, ([cell, { length: count }]) => ({
    truth: classes[Math.floor(cell / classes.length)] as string,
    label: classes[cell % classes.length] as string,
    count,
  }));
}

function planeOf(encodings: readonly { latent: number[] }[], labels: readonly number[], classes: string[]): Findings['plane'] {
  const every = Math.ceil(encodings.length / PLANE_POINTS);
  const shown = [...encodings.keys()].filter((i) => i % every === 0);
  const latents = shown.map((i) => encodings[i]?.latent as number[]);
  return new PCA(latents)
    .predict(latents, { nComponents: 2 })
    .to2DArray()
    .map(([x, y], n) => ({ x: x as number, y: y as number, truth: classes[labels[shown[n] as number] as number] as string }));
}

function reliabilityOf(
  held: { tune: Scores[]; calibration: Scores[] },
  { scores, labels }: { scores: readonly Scores[]; labels: readonly number[] },
  classes: string[],
  { means, covariances, calibration, guarantee, thresholds: own }: Calibrated,
): Findings['reliability'] {
  // The paper's thresholds are compared with those that calibration would set.
  const tested = calibration.method === 'conformal' ? CHOSEN_SCORES.filter((name) => own[SCORES[name].threshold]) : DEFAULT_SCORES;
  const latentDim = means[0]?.length as number;
  return ALPHAS.flatMap((alpha) => {
    try {
      const options = { ...defaultCalibration, delta: calibration.delta ?? defaultCalibration.delta, alpha, scores: tested };
      const { thresholds } = thresholdsFor(held, { classes, latentDim, covariances, guarantee }, options);
      const rateOf = ({ rejected, images }: Outcomes) => rejected / Math.max(1, images);
      const rates = outcomesByClass(scores, labels, thresholds, classes.length).map(rateOf);
      return [{ alpha, overall: rateOf(outcomesOf(scores, labels, thresholds)), worstClass: Math.max(...rates) }];
    } catch (error) {
      // There are too few images for so small an alpha: the curve starts later.
      if (error instanceof RangeError) return [];
      throw error;
    }
  });
}

/** Decodes the mean of each class, then samples from N(mu_y, Sigma_y) (the paper's figure 2; of a full covariance its diagonal). */
function generatedBy(model: Model, input: Screening['input'], { means, covariances }: Calibrated): Findings['generated'] {
  const random = randomFrom(1, 'generated');
  const samples = means.length <= MOST_CLASSES_SAMPLED ? SAMPLES : 0;
  const latents = means.flatMap((mean, y) => {
    const deviations = deviationsOf(covariances, y, mean.length);
    const sample = () => mean.map((value, j) => value + (deviations[j] as number) * random.normal());
    return [mean, ...Array.from({ length: samples }, sample)];
  });
  const decoded = tf.tidy(() => (model.decoder.predict(tf.tensor2d(latents), { batchSize: AT_ONCE }) as tf.Tensor).dataSync());
  return { images: imagesIn(decoded as Float32Array, input), perClass: 1 + samples };
}

function reconstructionsBy(model: Model, { test, input }: Dataset, splits: Splits, scores: readonly Scores[]): Findings['reconstructions'] {
  const error = (i: number) => (scores[i] as Scores).reconstructionError;
  const sorted = [...scores.keys()].sort((a, b) => error(a) - error(b));
  const middle = Math.max(0, Math.floor((sorted.length - RECONSTRUCTIONS) / 2));
  const shown = [sorted.slice(0, RECONSTRUCTIONS), sorted.slice(middle, middle + RECONSTRUCTIONS), sorted.slice(-RECONSTRUCTIONS)].flat();
  const images = imagesAt(
    test,
    shown.map((i) => splits.test[i] as number),
  );
  const reconstructed = tf.tidy(() => {
    const x = tf.tensor4d(images, [shown.length, input.height, input.width, input.channels]);
    return (model.decoder.predict(model.encoder.predict(x) as tf.Tensor) as tf.Tensor).dataSync() as Float32Array;
  });
  return { images: imagesIn(images, input), reconstructed: imagesIn(reconstructed, input) };
}

function imagesIn(values: Float32Array, { height, width, channels }: Screening['input']): Float32Array[] {
  const size = height * width * channels;
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}
