import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import type { BatchRows } from '../data/batches.ts';
import type { Architecture } from '../model/architecture.ts';
import type { Model } from '../model/build-model.ts';
import { type AttackedImages, gmvaeLoss, type OutlierLoss } from '../model/loss.ts';
import { type Attacked, innerAttack } from '../robust/inner-attack.ts';
import type { Robustness } from '../robust/robustness.ts';
import { shrinkingAttack } from '../robust/shrinking-attack.ts';
import { flattened, type Parameters } from './parameters.ts';

/** A batch, or a part of one, at a step of training. */
export interface BatchShard extends BatchRows {
  /** Weight of the mixture term of unlabelled images, 0 to 1. */
  unlabelledWeight: number;
  /** Share of their full size that the radii of inner attacks have, 0 to 1. */
  radiusScale: number;
}

/** The part of a training that is the same in each step. */
export interface LossSetting {
  input: Screening['input'];
  classes: number;
  training: {
    architecture: Architecture;
    latentWeight: number;
    encoderNoise: number;
    labelsPerClass: number | null;
    classWeights: 'none' | 'balanced';
    outliers: number;
    outlierLoss: OutlierLoss;
    robust: Robustness | null;
  };
}

export type RowName = Exclude<keyof BatchRows, 'count'>;

/** Returns how many values each image has in each kind of row. */
export function rowSizes({ input, training }: LossSetting): Record<RowName, number> {
  const d = training.architecture.latentDim;
  const size = input.height * input.width * input.channels;
  const attack = training.robust ? 1 : 0;
  return {
    ...{ images: size, targets: d, noise: d, labelled: 1, weights: 1, genuine: 1 },
    ...{ starts: attack * size, radii: attack, stepLengths: attack, reaches: attack, isL2: attack, isSparse: attack, goals: attack },
  };
}

/** Cuts out the rows of `count` images from `first` on. @param cut takes an index from and an index to */
export function rowsOf<T>(setting: LossSetting, first: number, count: number, cut: (name: RowName, from: number, to: number) => T) {
  const entries = Object.entries(rowSizes(setting)) as [RowName, number][];
  return Object.fromEntries(entries.map(([name, size]) => [name, cut(name, first * size, (first + count) * size)])) as Record<RowName, T>;
}

/** Means over the part. */
export type Losses = Record<'reconstruction' | 'latent' | 'total', number>;

/**
 * Computes the loss and its gradient for one part of a batch, both means over the part.
 *
 * @returns `gradient` by all parameters, to be disposed of by the caller
 */
export async function lossGradients(
  model: Model,
  parameters: Parameters,
  part: BatchShard,
  setting: LossSetting,
): Promise<{ losses: Losses; gradient: tf.Tensor1D }> {
  const { input, training, classes } = setting;
  const { latentWeight, encoderNoise, labelsPerClass, classWeights, outliers, outlierLoss, robust } = training;
  const d = training.architecture.latentDim;
  const { gradient, values } = tf.tidy(() => {
    const batch = {
      images: tf.tensor4d(part.images, [part.count, input.height, input.width, input.channels]),
      targets: tf.tensor2d(part.targets, [part.count, d]),
      noise: tf.tensor2d(part.noise, [part.count, d]),
      labelled: labelsPerClass === null ? null : tf.tensor1d(part.labelled),
      weights: classWeights === 'balanced' ? tf.tensor1d(part.weights) : null,
      genuine: outliers > 0 ? tf.tensor1d(part.genuine) : null,
      ownCount: part.genuine.lastIndexOf(1) + 1,
    };
    const needsMeans = robust !== null || labelsPerClass !== null || (outliers > 0 && outlierLoss.kind === 'margin');
    const means = needsMeans ? tf.tensor2d(oneHotMeans(classes, d)) : null;
    const { certified } = robust ?? {};
    const bounds = certified
      ? { radius: certified.radius * certified.excess * part.radiusScale, weight: certified.weight * part.radiusScale }
      : null;
    const attacked = robust && means ? attackedRows(model, batch, part, means, setting) : null;
    const parts: tf.Scalar[] = [];
    const { value, grads } = tf.variableGrads(() => {
      const { total, ...others } = gmvaeLoss(
        model,
        { ...batch, attacked, bounds },
        {
          latentWeight,
          encoderNoise,
          unlabelledWeight: part.unlabelledWeight,
          means,
          outlierLoss,
          outliers,
          robust,
        },
      );
      parts.push(tf.keep(others.reconstruction), tf.keep(others.latent));
      return total;
    }, parameters.weights);
    const all = tf.stack([...parts, value]) as tf.Tensor1D;
    tf.dispose(parts);
    return { gradient: flattened(parameters.weights.map(({ name }) => grads[name] as tf.Tensor)), values: all };
  });
  const [reconstruction, latent, total] = (await values.data()) as unknown as [number, number, number];
  values.dispose();
  return { losses: { reconstruction, latent, total }, gradient };
}

type BatchTensors = { images: tf.Tensor4D; targets: tf.Tensor2D; weights: tf.Tensor1D | null };

/** Attacks the rows of a part that are to be attacked, as far as the radii have grown. @returns null where there are none */
function attackedRows(
  { encoder }: Model,
  batch: BatchTensors,
  part: BatchShard,
  means: tf.Tensor2D,
  { training: { robust, outlierLoss } }: LossSetting,
): AttackedImages | null {
  if (!robust || outlierLoss.kind !== 'margin') return null;
  const options = { means, temperature: outlierLoss.temperature };
  const { steps, shrinking } = robust;
  const rows = Array.from(part.radii.keys()).filter((i) => (part.radii[i] as number) > 0);
  const shrinks = (i: number) => shrinking !== undefined && part.isL2[i] === 1;
  const attack = (attacked: Attacked, first: number) =>
    shrinking && shrinks(first)
      ? shrinkingAttack(encoder, attacked, { ...options, ...shrinking })
      : innerAttack(encoder, attacked, { ...options, steps });
  // Apart, as they take different numbers of steps.
  const groups = [rows.filter((i) => !shrinks(i)), rows.filter(shrinks)].filter((group) => group.length > 0);
  const done = groups.map((group) => {
    const { attacked, weights } = rowsAt(group, batch, part);
    return { ...attacked, weights, images: attack(attacked, group[0] as number) };
  });
  const [first, ...others] = done;
  if (!first || others.length === 0) return first ?? null;
  return {
    images: tf.concat(done.map(({ images }) => images)),
    targets: tf.concat(done.map(({ targets }) => targets)),
    genuine: tf.concat(done.map(({ genuine }) => genuine)),
    weights: first.weights && tf.concat(done.map(({ weights }) => weights as tf.Tensor1D)),
  };
}

function rowsAt(rows: number[], batch: BatchTensors, part: BatchShard): { attacked: Attacked; weights: tf.Tensor1D | null } {
  const at = tf.tensor1d(rows, 'int32');
  const chosen = (values: Float32Array) => tf.tensor1d(rows.map((i) => values[i] as number));
  const attacked = {
    images: tf.gather(batch.images, at),
    starts: tf.gather(tf.tensor4d(part.starts, batch.images.shape), at),
    targets: tf.gather(batch.targets, at),
    genuine: chosen(part.genuine),
    radii: chosen(part.radii).mul(part.radiusScale) as tf.Tensor1D,
    stepLengths: chosen(part.stepLengths),
    reaches: chosen(part.reaches),
    isL2: chosen(part.isL2),
    isSparse: chosen(part.isSparse),
    goals: chosen(part.goals),
  };
  return { attacked, weights: batch.weights && chosen(part.weights) };
}
