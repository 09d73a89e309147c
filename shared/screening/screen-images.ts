import { type Decision, decide } from '../decision/decide.ts';
import { energyOf, type GraphOutputs, type Scores, scoresFromOutputs } from '../decision/scores.ts';
import { GRAPH_SCORES, SCORES } from '../score-table.ts';
import { type ImageSource, writeInput } from './input.ts';
import type { Model } from './model.ts';

/** An image's scores and the decision on them; or why it has none. */
export type Screened<Problem extends Error = Error> = { problem: Problem } | ScreenedImage;

export interface ScreenedImage {
  problem?: undefined;
  scores: Scores;
  decision: Decision;
  /** The model's input, [H, W, C] in [0, 1], if it is still needed. */
  tensor?: Float32Array;
  /** [H, W, C]. Only for an explanation. */
  reconstruction?: Float32Array;
  /** f(x), as long as `latentDim`. Only for an explanation. */
  latent?: Float32Array;
}

/**
 * Screens images in one run of the graph. Each image is read when its turn comes and written directly into the graph's input, so that
 * there is one picture at a time. Only the tensors of images that may be searched or explained are kept.
 *
 * @param options.keepRejected whether rejected images are searched
 * @throws what a source throws, instead of returning it as the problem of its image
 */
export async function screenImages<Problem extends Error>(
  sources: readonly ImageSource<Problem>[],
  { screening, screen }: Model,
  options: { explain: boolean; keepRejected: boolean },
): Promise<Screened<Problem>[]> {
  const screened: Screened<Problem>[] = [];
  const readable: { place: number; energy: number; tensor?: Float32Array }[] = [];
  const write = (place: number, input: Float32Array) => {
    const image = (sources[place] as ImageSource<Problem>)();
    if (image instanceof Error) {
      screened[place] = { problem: image };
      return false;
    }
    writeInput(image, screening, input);
    readable.push({ place, energy: energyOf(input), ...(options.explain || options.keepRejected ? { tensor: input.slice() } : {}) });
    return true;
  };
  const output = await screen(write, sources.length, options.explain);
  const answered = GRAPH_SCORES.map((name) => [SCORES[name].from, output[name] && { data: output[name] }]);
  const outputs: GraphOutputs = { label: { data: output.label }, ...Object.fromEntries(answered) };
  const energies = readable.map(({ energy }) => energy);
  for (const [i, scores] of scoresFromOutputs('screen', outputs, energies, screening).entries()) {
    const { place, tensor } = readable[i] as (typeof readable)[number];
    const decision = decide(scores, screening.thresholds);
    if (!tensor || (decision.accepted && !options.explain)) screened[place] = { scores, decision };
    else {
      const reconstruction = output.reconstruction?.subarray(i * tensor.length, (i + 1) * tensor.length) ?? new Float32Array(0);
      const latent = output.latent.subarray(i * screening.latentDim, (i + 1) * screening.latentDim);
      screened[place] = { scores, decision, tensor, reconstruction, latent };
    }
  }
  const missing = sources.findIndex((_, place) => !screened[place]);
  if (missing >= 0) throw new Error(`image ${missing} has no scores`);
  return screened;
}
