import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type Decision, decide, decideReclassified } from '../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../shared/decision/scores.ts';
import type { Problem, Verdict } from '../shared/protocol/screen-messages.ts';
import type { Config } from './config.ts';
import { explanationOf } from './explain.ts';
import type { Screen } from './inference.ts';
import { ProblemError, problemOf } from './problem.ts';

/** A model that is loaded and may be asked. */
export interface Model {
  screening: Screening;
  screen: Screen;
}

/**
 * Searches the class of rejected images, each [H, W, C] in [0, 1]: the scores of each one's best latent; null for one that was not
 * searched, and for all where there was no whole and plausible answer.
 */
export type Reclassify = (images: Float32Array[]) => Promise<(Scores | null)[] | null>;

/** One image, with what led to its verdict; or why it has none. */
export type Screened =
  | { problem: ProblemError; verdict?: undefined }
  | { problem?: undefined; verdict: Verdict; scores: Scores; decision: Decision };

/**
 * The verdict on each image, in order; an image that could not be read keeps its problem in its place. All images go through
 * the model in one run, all rejected ones to the search together.
 *
 * @param images the model's input of each, [H, W, C] in [0, 1]
 * @param reclassify null where rejected images are not searched
 */
export async function screenImages(
  images: (Float32Array | ProblemError)[],
  { screening, screen }: Model,
  config: Pick<Config, 'RECLASSIFY_KEEP_ALL' | 'RECLASSIFY_MIN_MARGIN' | 'RECLASSIFY'>,
  options: { explain: boolean; request: string; reclassify: Reclassify | null },
): Promise<Screened[]> {
  const readable = images.filter((image) => !(image instanceof ProblemError)) as Float32Array[];
  if (readable.length === 0) return images.map((problem) => ({ problem: problem as ProblemError }));
  const size = (readable[0] as Float32Array).length;
  const batch = new Float32Array(readable.length * size);
  readable.forEach((image, i) => {
    batch.set(image, i * size);
  });
  const output = await screen(batch, readable.length, options.explain);
  const outputs = {
    label: { data: output.label },
    latent_distance: { data: output.latentDistance },
    reconstruction_error: { data: output.reconstructionError },
  };
  const scores = scoresFromOutputs('screen', outputs, readable, screening);
  const decisions = scores.map((score) => decide(score, screening.thresholds));
  const rejected = decisions.flatMap(({ accepted }, i) => (accepted ? [] : [i]));
  const found =
    options.reclassify && rejected.length > 0 ? await options.reclassify(rejected.map((i) => readable[i] as Float32Array)) : null;
  const identity = { model: screening.id, request: options.request };
  const className = (label: number) => screening.classes[label] as string;
  const verdictOf = (i: number): Verdict => {
    const { label } = scores[i] as Scores;
    if ((decisions[i] as Decision).accepted) return { verdict: 'accepted', label: className(label), index: label, ...identity };
    if (!options.reclassify) return { verdict: 'rejected', ...identity };
    const again = found?.[rejected.indexOf(i)];
    if (!again) return { verdict: 'rejected', reclassification: 'unavailable', ...identity };
    const rule = { keepAll: config.RECLASSIFY_KEEP_ALL === 'on', minMargin: config.RECLASSIFY_MIN_MARGIN };
    const { accepted } = decideReclassified(again, screening.thresholds, rule);
    if (!accepted) return { verdict: 'rejected', reclassification: 'rejected', ...identity };
    const by = config.RECLASSIFY === 'local' ? ('local' as const) : ('fallback' as const);
    return { verdict: 'reclassified', label: className(again.label), index: again.label, by, ...identity };
  };
  const screened: Screened[] = [];
  for (const [i, image] of readable.entries()) {
    const verdict = verdictOf(i);
    const decision = decisions[i] as Decision;
    if (options.explain) {
      const reconstruction = output.reconstruction?.subarray(i * size, (i + 1) * size) ?? new Float32Array(0);
      const reason = decision.accepted ? null : decision.reason;
      verdict.explain = await explanationOf(scores[i] as Scores, reason, image, reconstruction, screening);
    }
    screened.push({ verdict, decision, scores: scores[i] as Scores });
  }
  let next = 0;
  return images.map((image) => (image instanceof ProblemError ? { problem: image } : (screened[next++] as Screened)));
}

/** What an answer says of an image. */
export function told(screened: Screened, request: string): Verdict | Problem {
  return screened.problem ? problemOf(screened.problem, request) : screened.verdict;
}
