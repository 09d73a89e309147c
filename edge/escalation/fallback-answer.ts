import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { isScore } from '../../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import type { Tensor } from '../../shared/protocol/inference-protocol.ts';

/**
 * Reads the scores of each image from the fallback's answer.
 *
 * @throws Error if an output is missing, has another length, is from another model, or holds a value that such a score can't have
 */
export function scoresOf(outputs: Tensor[], images: readonly Float32Array[], screening: Screening): Scores[] {
  const scores = scoresFromOutputs('reclassify', Object.fromEntries(outputs.map((tensor) => [tensor.name, tensor])), images, screening);
  for (const { label, latentDistance, reconstructionError, runnerUpError = 0 } of scores) {
    if (!(label in screening.classes)) throw new Error(`its label ${label} is not a class`);
    const invalid = [latentDistance, reconstructionError, runnerUpError].find((score) => !isScore(score));
    if (invalid !== undefined) throw new Error(`its score ${invalid} is not a number of 0 or more`);
  }
  return scores;
}
