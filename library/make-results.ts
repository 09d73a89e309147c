import type { Screening } from '../shared/bundle/screening-schema.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified, marginProblem } from '../shared/decision/decide.ts';
import type { Scores } from '../shared/decision/scores.ts';
import { reasonsOf } from '../shared/screening/explain.ts';
import type { Screened, ScreenedImage } from '../shared/screening/screen-images.ts';
import { UsageError } from '../shared/user-error.ts';
import type { UnreadableImage } from './images.ts';
import { kindOf } from './kind-of.ts';
import type { Accepted, Explained, Label, ReclassifyOptions, ReclassifyResult, Rejected, ScreenResult, Unreadable } from './results.ts';

export const screenResult = (image: Screened<UnreadableImage>, screening: Screening): ScreenResult =>
  image.problem ? unreadable(image.problem) : verdictOn(image, screening);

export function verdictOn({ scores, decision }: ScreenedImage, screening: Screening): Accepted | Rejected {
  if (decision.accepted) return { verdict: 'accepted', ...named(scores.label, screening), scores };
  return { verdict: 'rejected', reason: decision.reason, nearest: nearest(scores, screening), scores };
}

export function explained(image: Screened<UnreadableImage>, screening: Screening): Explained {
  if (image.problem) return unreadable(image.problem);
  const { tensor, reconstruction, latent } = image;
  if (!tensor || !reconstruction || !latent) throw new Error('the image was not kept for its explanation');
  return { ...verdictOn(image, screening), reasons: reasonsOf(image, screening), input: tensor, reconstruction, latent: latent.slice() };
}

export const unreadable = ({ problem, message }: UnreadableImage): Unreadable => ({ verdict: 'unreadable', problem, detail: message });

export function reclassifyResult(scores: Scores, rule: ReclassifyOptions | undefined, screening: Screening): ReclassifyResult {
  const { minMargin = DEFAULT_MIN_MARGIN, keepAll = false } = rule ?? {};
  const decision = decideReclassified(scores, screening.thresholds, { minMargin, keepAll });
  if (decision.accepted) return { verdict: 'reclassified', ...named(scores.label, screening), scores };
  return { verdict: 'rejected', reason: decision.reason, nearest: nearest(scores, screening), scores };
}

/** @throws UsageError if the margin is no number, or no rule for the model's search */
export function checkMargin({ minMargin = DEFAULT_MIN_MARGIN, keepAll = false }: ReclassifyOptions = {}, { provenance }: Screening): void {
  if (typeof minMargin !== 'number' || !(minMargin >= 1))
    throw new UsageError(`minMargin is ${kindOf(minMargin)}; allowed are numbers from 1 on.`);
  if (typeof keepAll !== 'boolean') throw new UsageError(`keepAll is ${kindOf(keepAll)}; allowed are true and false.`);
  const problem = keepAll ? null : marginProblem(minMargin, provenance.search);
  if (problem) throw new UsageError(`minMargin ${problem}.`);
}

const named = (index: number, { classes }: Screening): Label => ({ label: classes[index] as string, index });

const nearest = ({ label }: Scores, screening: Screening) => (screening.classes[label] === undefined ? null : named(label, screening));
