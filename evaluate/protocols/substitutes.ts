import type * as tf from '@tensorflow/tfjs';
import type { AttackedModel } from '../../attacks/attack.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import type { OtherBundle } from './other-bundles.ts';
import { trainPlainClassifier } from './plain-classifier.ts';
import { type Setup, setupOfOther } from './setup.ts';

export const SUBSTITUTES = import.meta.url;

let plain: AttackedModel | undefined;

/** Trains a plain network once a thread, and presents it as the attacked model. */
export function plainNetwork(setup: Setup): AttackedModel {
  plain ??= asEncoder(setup);
  return plain;
}

/** Presents the model of another bundle as the attacked one. The attacker's own images stay. */
export async function otherModel(setup: Setup, other: OtherBundle): Promise<AttackedModel> {
  const { startingPoints, oracle } = setup.model;
  return { ...(await setupOfOther(setup, other)).model, startingPoints, oracle };
}

/**
 * Turns a plain network into an encoder: for z = logits / 20 and one-hot means, -||z - mu_j||^2 / 0.1 differs from the logits by a term that
 * all classes share, so its cross-entropy is the network's own.
 */
function asEncoder({ dataset, model, seed }: Setup): AttackedModel {
  // Not the seed of anything that made the bundle.
  const { logits } = trainPlainClassifier(dataset, seed + 1000);
  const last = logits.layers.at(-1) as tf.layers.Layer;
  last.setWeights(last.getWeights().map((weights) => weights.div(20)));
  return { ...model, encoder: logits, means: oneHotMeans(dataset.classes.length, dataset.classes.length) };
}
