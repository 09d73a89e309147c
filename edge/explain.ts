import { float32ToBase64 } from '../shared/bundle/float32-base64.ts';
import { sha256 } from '../shared/bundle/hashes.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { pValue } from '../shared/decision/decide.ts';
import type { Scores } from '../shared/decision/scores.ts';
import type { Explanation } from '../shared/protocol/screen-messages.ts';

/**
 * Why an image got its verdict, for who may know.
 *
 * @param image as the model got it, [H, W, C]
 * @param reconstruction [H, W, C]
 */
export async function explanationOf(
  scores: Scores,
  reason: Explanation['reason'],
  image: Float32Array,
  reconstruction: Float32Array,
  { classes, thresholds, calibration }: Screening,
): Promise<Explanation> {
  const { label, latentDistance, reconstructionError } = scores;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const { levels } = calibration.quantiles;
  return {
    reason,
    nearest: classes[label] ?? '',
    scores: {
      latentDistance: finite(latentDistance),
      reconstructionError: finite(reconstructionError),
      relativeError: finite(scores.relativeError),
    },
    thresholds: {
      latentDistance: thresholds.maxLatentDistance[label] ?? 0,
      reconstructionError: thresholds.maxReconstructionError[label] ?? 0,
      relativeError: thresholds.maxRelativeError?.[label] ?? null,
    },
    pValues: {
      latentDistance: pValue(latentDistance, levels, calibration.quantiles.latentDistance[label] ?? []),
      reconstructionError: pValue(reconstructionError, levels, calibration.quantiles.reconstructionError[label] ?? []),
    },
    tensor: await sha256(new Uint8Array(image.buffer, image.byteOffset, image.byteLength)),
    reconstruction: float32ToBase64(reconstruction),
  };
}
