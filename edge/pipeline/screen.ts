import { type Decision, decide } from '../../shared/decision/decide.ts';
import { energyOf, type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import { type ReadImage, writeInput } from '../decode/read-images.ts';
import type { Model } from '../env.ts';
import { ProblemError } from '../problem.ts';

/** An image's scores and the decision on them; or why it has none. */
export type Screened =
  | { problem: ProblemError }
  | {
      problem?: undefined;
      scores: Scores;
      decision: Decision;
      /** The model's input, [H, W, C] in [0, 1], if it is still needed. */
      tensor?: Float32Array;
      /** [H, W, C]. Only for an explanation. */
      reconstruction?: Float32Array;
    };

/**
 * Screens all images of a request in one run of the graph, into whose input they are written directly. The pictures are not needed after
 * that: only the tensors of images that are searched or explained are kept.
 *
 * @param options.keepRejected whether rejected images are searched
 */
export async function screenImages(
  images: readonly (ReadImage | ProblemError)[],
  { screening, screen }: Model,
  options: { explain: boolean; keepRejected: boolean },
): Promise<Screened[]> {
  const readable = images.filter((image) => !(image instanceof ProblemError)) as ReadImage[];
  if (readable.length === 0) return images.map((problem) => ({ problem: problem as ProblemError }));
  const energies = readable.map(() => 0);
  const write = (i: number, input: Float32Array) => {
    writeInput(readable[i] as ReadImage, screening, input);
    energies[i] = energyOf(input);
  };
  const output = await screen(write, readable.length, options.explain);
  const outputs = {
    label: { data: output.label },
    latent_distance: { data: output.latentDistance },
    reconstruction_error: { data: output.reconstructionError },
  };
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  const screened = scoresFromOutputs('screen', outputs, energies, screening).map((scores, i): Screened => {
    const decision = decide(scores, screening.thresholds);
    if (!options.explain && !(options.keepRejected && !decision.accepted)) return { scores, decision };
    const tensor = new Float32Array(size);
    writeInput(readable[i] as ReadImage, screening, tensor);
    return { scores, decision, tensor, reconstruction: output.reconstruction?.subarray(i * size, (i + 1) * size) ?? new Float32Array(0) };
  });
  let next = 0;
  return images.map((image) => (image instanceof ProblemError ? { problem: image } : (screened[next++] as Screened)));
}
