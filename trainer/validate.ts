import { nearestMean, oneHotMeans, squaredEuclidean } from '../shared/decision/latent-space.ts';
import type { Dataset } from './data/dataset.ts';
import { encodeAt } from './encode.ts';
import type { Model } from './model/build-model.ts';
import type { Training } from './presets.ts';

export interface Validation {
  /** The loss of training without noise: Eq. 7, or for semi-supervised training Eq. 3, which reads no label. */
  loss: number;
  /** Share of the images whose nearest mean is right. */
  accuracy: number;
}

/** Measures a model on held-out training images. */
export async function validate(
  model: Model,
  { train, input, classes }: Dataset,
  indices: readonly number[],
  { architecture, latentWeight, labelsPerClass }: Training,
): Promise<Validation> {
  const means = oneHotMeans(classes.length, architecture.latentDim);
  let [loss, right] = [0, 0];
  (await encodeAt(model, train, indices, input, { means, relativeErrorOffset: 1, scores: [] })).forEach(
    ({ latent, reconstructionError }, i) => {
      const label = train.labels[indices[i] as number] as number;
      if (nearestMean(latent, means) === label) right++;
      const distances = means.map((mean) => squaredEuclidean(latent, mean));
      const latentLoss = labelsPerClass === null ? latentWeight * (distances[label] as number) : mixtureLoss(distances, latentWeight);
      loss += reconstructionError + latentLoss;
    },
  );
  const count = Math.max(1, indices.length);
  return { loss: loss / count, accuracy: right / count };
}

/** Returns -log mean_y exp(-latentWeight distance_y). */
function mixtureLoss(distances: number[], latentWeight: number): number {
  const nearest = Math.min(...distances);
  const sum = distances.reduce((total, distance) => total + Math.exp(-latentWeight * (distance - nearest)), 0);
  return latentWeight * nearest - Math.log(sum / distances.length);
}
