import { type Decision, decide } from '../../shared/decision/decide.ts';
import { energyOf, type GraphOutputs, type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import { GRAPH_SCORES, SCORES } from '../../shared/score-table.ts';
import { type ImageSource, writeInput } from '../decode/read-images.ts';
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
 * Screens all images of a request in one run of the graph. Each image is read when its turn comes and written directly into the graph's
 * input, so that there is one picture at a time. Only the tensors of images that may be searched or explained are kept.
 *
 * @param options.keepRejected whether rejected images are searched
 * @throws ProblemError of a source that throws it, like that of a single image
 */
export async function screenImages(
  sources: readonly ImageSource[],
  { screening, screen }: Model,
  options: { explain: boolean; keepRejected: boolean },
): Promise<Screened[]> {
  const screened: Screened[] = [];
  const readable: { place: number; energy: number; tensor?: Float32Array }[] = [];
  const write = (place: number, input: Float32Array) => {
    const image = (sources[place] as ImageSource)();
    if (image instanceof ProblemError) {
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
      screened[place] = { scores, decision, tensor, reconstruction };
    }
  }
  const missing = sources.findIndex((_, place) => !screened[place]);
  if (missing >= 0) throw new Error(`image ${missing} has no scores`);
  return screened;
}
