import * as tf from '@tensorflow/tfjs';
import type { AttackedModel } from '../../attacks/attack.ts';

/**
 * Images of two pixels that are their own latents and reconstructions: accepted as class 0 within 0.5 of (1, 0), as class 1 within 0.5
 * of (0, 1). So every answer can be worked out by hand.
 */
export function twoPixels(changes: Partial<AttackedModel> = {}): AttackedModel {
  const encoder = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [1, 2, 1] })] });
  const decoder = tf.sequential({ layers: [tf.layers.reshape({ inputShape: [2], targetShape: [1, 2, 1] })] });
  return {
    ...{ encoder, decoder, input: TWO_PIXELS },
    means: [
      [1, 0],
      [0, 1],
    ],
    covariances: { kind: 'spherical', values: [1, 1] },
    precisions: null,
    thresholds: { maxLatentDistance: [0.25, 0.25], maxReconstructionError: [1, 1] },
    relativeErrorOffset: 1,
    search: { priorWeight: 0, encoderWeight: 0 },
    startingPoints: async () => [],
    oracle: () => () => Promise.reject(new Error('these tests bring their own oracles')),
    ...changes,
  };
}

/** From (1, 0) to the disc of class 1, in each norm: along the diagonal, on which both pixels change. */
export const TO_CLASS_1 = { l2: Math.SQRT2 - 0.5, linf: 1 - 0.5 / Math.SQRT2, l0: 2 };

export const TWO_PIXELS = { height: 1, width: 2, channels: 1 } as const;
