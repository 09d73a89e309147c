import { float32ToBase64 } from '../../shared/bundle/float32-base64.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Decision, decideReclassified } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import type { Explanation, Problem, Verdict } from '../../shared/protocol/screen-messages.ts';
import { bytesOfFloats } from '../../shared/protocol/tensors.ts';
import { reasonsOf } from '../../shared/screening/explain.ts';
import type { Screened, ScreenedImage } from '../../shared/screening/screen-images.ts';
import type { Config } from '../config.ts';
import type { Reclassify } from '../escalation/escalation.ts';
import { type ProblemError, problemOf } from '../problem.ts';

/** The verdict on an image and what led to it; or why there is none. */
export type ScreeningResult =
  | { problem: ProblemError; verdict?: undefined }
  | { problem?: undefined; verdict: Verdict; scores: Scores; decision: Decision };

/**
 * Decides on each image, in order. All rejected images are reclassified together.
 *
 * @param options.escalation null if rejected images are not reclassified
 */
export async function decideImages(
  images: readonly Screened<ProblemError>[],
  screening: Screening,
  config: Pick<Config, 'RECLASSIFY_KEEP_ALL' | 'RECLASSIFY_MIN_MARGIN' | 'RECLASSIFY'>,
  options: { explain: boolean; request: string; escalation: Reclassify | null },
): Promise<ScreeningResult[]> {
  const { escalation, explain, request } = options;
  const rejected = images.filter((image) => !image.problem && !image.decision.accepted);
  const tensors = rejected.map((image) => ('tensor' in image ? image.tensor : undefined) as Float32Array);
  const found = escalation && tensors.length > 0 ? await escalation(tensors) : null;
  const identity = { model: screening.id, request };
  const rule = { keepAll: config.RECLASSIFY_KEEP_ALL === 'on', minMargin: config.RECLASSIFY_MIN_MARGIN };
  const by = config.RECLASSIFY === 'local' ? ('local' as const) : ('fallback' as const);
  const named = (index: number) => ({ label: screening.classes[index] as string, index });
  const verdictOn = (image: ScreenedImage): Verdict => {
    if (image.decision.accepted) return { verdict: 'accepted', ...named(image.scores.label), ...identity };
    if (!escalation) return { verdict: 'rejected', ...identity };
    const again = found?.[rejected.indexOf(image)];
    if (!again) return { verdict: 'rejected', reclassification: 'unavailable', ...identity };
    if (!decideReclassified(again, screening.thresholds, rule).accepted)
      return { verdict: 'rejected', reclassification: 'rejected', ...identity };
    return { verdict: 'reclassified', ...named(again.label), by, ...identity };
  };
  return Promise.all(
    images.map(async (image): Promise<ScreeningResult> => {
      if (image.problem) return image;
      const verdict = verdictOn(image);
      if (explain) verdict.explain = await explanationOf(image, screening);
      return { verdict, scores: image.scores, decision: image.decision };
    }),
  );
}

/** Returns the answer for an image. */
export const answerOf = (judged: ScreeningResult, request: string): Verdict | Problem =>
  judged.problem ? problemOf(judged.problem, request) : judged.verdict;

/** Explains the verdict on an image, for callers who may know. */
async function explanationOf(image: ScreenedImage, screening: Screening): Promise<Explanation> {
  const { tensor = new Float32Array(0), reconstruction = new Float32Array(0) } = image;
  return {
    ...reasonsOf(image, screening),
    tensor: await sha256(bytesOfFloats(tensor)),
    reconstruction: float32ToBase64(reconstruction),
  };
}
