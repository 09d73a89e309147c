import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { relativeError, type Scores } from '../../shared/decision/scores.ts';
import type { Tensor } from '../../shared/protocol/inference-protocol.ts';

type Data = { [T in Tensor as T['datatype']]: T['data'] };

/**
 * Reads the scores of each image from the fallback's answer.
 *
 * @throws Error if an output is missing, has another length, is from another model, or holds a value that such a score can't have
 */
export function scoresOf(outputs: Tensor[], images: readonly Float32Array[], screening: Screening): Scores[] {
  const output = <T extends keyof Data>(name: string, datatype: T): Data[T] => {
    const tensor = outputs.find((candidate) => candidate.name === name);
    if (tensor?.datatype !== datatype || tensor.data.length !== images.length) {
      throw new Error(`its ${name} is not ${images.length} values of ${datatype}`);
    }
    return tensor.data as Data[T];
  };
  if (!output('model_id', 'BYTES').every((id) => id === screening.modelId)) throw new Error('it answered for another model');
  const labels = output('label', 'INT64');
  const distances = output('latent_distance', 'FP32');
  const errors = output('reconstruction_error', 'FP32');
  // A server with a graph of an older export does not have it: then there is no margin.
  const others = outputs.some(({ name }) => name === 'runner_up_error') ? output('runner_up_error', 'FP32') : null;
  return images.map((image, i) => {
    const label = Number(labels[i]);
    const [latentDistance, reconstructionError] = [distances[i] as number, errors[i] as number];
    if (!(label in screening.classes)) throw new Error(`its label ${label} is no class`);
    const runnerUp = others ? { runnerUpError: others[i] as number } : {};
    for (const score of [latentDistance, reconstructionError, ...Object.values(runnerUp)])
      if (!Number.isFinite(score) || score < -1e-3) throw new Error(`its score ${score} is not a number of 0 or more`);
    return {
      label,
      latentDistance,
      reconstructionError,
      relativeError: relativeError(reconstructionError, image, screening.relativeErrorOffset),
      ...runnerUp,
    };
  });
}
