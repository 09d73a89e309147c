import * as tf from '@tensorflow/tfjs';
import { PCA } from 'ml-pca';
import { decide } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { type Calibrated, defaultCalibration, thresholdsFor } from '../calibrate.ts';
import { type Dataset, imagesAt, labelsAt } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import { encodeAt, scoresOf } from '../encode.ts';
import type { Model } from '../model/build-model.ts';
import { type Outcomes, outcomesOf } from '../outcomes.ts';
import { generate } from './generated.ts';

/** All that a report shows of a calibrated model; every figure is of the test split. */
export interface Findings {
  outcomes: Outcomes;
  perClass: { name: string; outcomes: Outcomes }[];
  /** Accepted images: count by true class and label. */
  confusion: { truth: string; label: string; count: number }[];
  scores: Scores[];
  labels: number[];
  /** Up to so many latents on the two directions in which they vary most. */
  plane: { x: number; y: number; truth: string }[];
  /** False-rejection rate that was asked for, and what came out, over all and in the worst class. */
  reliability: { alpha: number; overall: number; worstClass: number }[];
  /** What the decoder makes of each class, `perClass` images each. */
  generated: { images: Float32Array[]; perClass: number };
  /** The best, the median and the worst reconstructed images, each above its reconstruction. */
  reconstructions: { images: Float32Array[]; reconstructed: Float32Array[] };
}

const PLANE_POINTS = 1500;
const SHOWN = 12;
const ALPHAS = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2];

/** @throws the signal's reason, where it is aborted */
export async function findingsOf(
  model: Model,
  dataset: Dataset,
  splits: Splits,
  calibrated: Calibrated,
  signal?: AbortSignal,
): Promise<Findings> {
  const { test, train, input, classes } = dataset;
  const { means, covariances, thresholds, relativeErrorOffset, calibration } = calibrated;
  const encodings = await encodeAt(model, test, splits.test, input, relativeErrorOffset, signal);
  const scores = scoresOf(encodings, means, covariances);
  const labels = labelsAt(test, splits.test);
  const of = (indices: number[]) =>
    outcomesOf(
      indices.map((i) => scores[i] as Scores),
      indices.map((i) => labels[i] as number),
      thresholds,
    );
  const all = Array.from(scores, (_, i) => i);
  const perClass = classes.map((name, y) => ({ name, outcomes: of(all.filter((i) => labels[i] === y)) }));

  const counts = new Map<string, number>();
  scores.forEach((score, i) => {
    if (!decide(score, thresholds).accepted) return;
    const key = `${labels[i]}\n${score.label}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  const confusion = Array.from(counts, ([key, count]) => {
    const [truth, label] = key.split('\n').map((y) => classes[Number(y)] as string) as [string, string];
    return { truth, label, count };
  });

  const tune = scoresOf(await encodeAt(model, train, splits.tune, input, relativeErrorOffset, signal), means, covariances);
  const held = scoresOf(await encodeAt(model, train, splits.calibration, input, relativeErrorOffset, signal), means, covariances);
  const reliability = ALPHAS.flatMap((alpha) => {
    try {
      const options = { ...defaultCalibration, delta: calibration.delta ?? defaultCalibration.delta, alpha };
      const { thresholds: own } = thresholdsFor({ tune, calibration: held }, classes.length, means[0]?.length as number, options);
      const rate = (indices: number[]) =>
        indices.filter((i) => !decide(scores[i] as Scores, own).accepted).length / Math.max(1, indices.length);
      return [{ alpha, overall: rate(all), worstClass: Math.max(...classes.map((_, y) => rate(all.filter((i) => labels[i] === y)))) }];
    } catch (error) {
      // Too few images for so small an alpha: the curve begins later.
      if (error instanceof RangeError) return [];
      throw error;
    }
  });

  const some = all.filter((i) => i % Math.ceil(all.length / PLANE_POINTS) === 0);
  const latents = some.map((i) => encodings[i]?.latent as number[]);
  const plane = new PCA(latents)
    .predict(latents, { nComponents: 2 })
    .to2DArray()
    .map(([x, y], n) => ({ x: x as number, y: y as number, truth: classes[labels[some[n] as number] as number] as string }));

  const byError = [...all].sort((a, b) => (scores[a] as Scores).reconstructionError - (scores[b] as Scores).reconstructionError);
  const middle = Math.max(0, Math.floor((byError.length - SHOWN) / 2));
  const shown = [...byError.slice(0, SHOWN), ...byError.slice(middle, middle + SHOWN), ...byError.slice(-SHOWN)];
  const size = input.height * input.width * input.channels;
  const each = (values: Float32Array) => Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  const flat = imagesAt(
    test,
    shown.map((i) => splits.test[i] as number),
  );
  const reconstructed = tf.tidy(() => {
    const x = tf.tensor4d(flat, [shown.length, input.height, input.width, input.channels]);
    return (model.decoder.predict(model.encoder.predict(x) as tf.Tensor) as tf.Tensor).dataSync() as Float32Array;
  });
  const generated = generate(model, means, covariances);
  return {
    outcomes: of(all),
    ...{ perClass, confusion, scores, labels, plane, reliability },
    generated: { images: each(generated.values), perClass: generated.perClass },
    reconstructions: { images: each(flat), reconstructed: each(reconstructed) },
  };
}
