import { decide, decideReclassified, pValue } from '../shared/decision.ts';
import { float32ToBase64 } from '../shared/float32-base64.ts';
import { relativeError, type Scores } from '../shared/scores.ts';
import type { Explanation, Problem, Verdict } from '../shared/screen-messages.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { sha256 } from '../shared/sha256.ts';
import type { Config } from './config.ts';
import { escalate } from './escalate.ts';
import type { Screen } from './inference.ts';
import { ProblemError, problemOf } from './problem.ts';

/** A model that is loaded and may be asked. */
export interface Model {
  screening: Screening;
  screen: Screen;
}

/**
 * The verdict on each image, in order; an image that could not be read has its problem in its place. All images go through
 * the model in one run, all rejected ones to the fallback in one request.
 */
export async function screenImages(
  images: (Float32Array | ProblemError)[],
  { screening, screen }: Model,
  config: Config,
  options: { explain: boolean; request: string; fetcher: typeof fetch },
): Promise<(Verdict | Problem)[]> {
  const readable = images.filter((image) => !(image instanceof ProblemError)) as Float32Array[];
  if (readable.length === 0) return images.map((error) => problemOf(error, options.request));
  const size = (readable[0] as Float32Array).length;
  const batch = new Float32Array(readable.length * size);
  readable.forEach((image, i) => {
    batch.set(image, i * size);
  });
  const output = await screen(batch, readable.length, options.explain);
  const scores = readable.map((image, i): Scores => {
    const reconstructionError = output.reconstructionError[i] as number;
    return {
      label: Number(output.label[i]),
      latentDistance: output.latentDistance[i] as number,
      reconstructionError,
      relativeError: relativeError(reconstructionError, image, screening.relativeErrorOffset),
    };
  });
  const decisions = scores.map((score) => decide(score, screening.thresholds));
  const rejected = decisions.flatMap(({ accepted }, i) => (accepted ? [] : [i]));
  const again = await escalate(
    rejected.map((i) => readable[i] as Float32Array),
    screening,
    config,
    options.fetcher,
  );
  const identity = { model: screening.id, request: options.request };
  const className = (label: number) => screening.classes[label] as string;
  const verdicts = decisions.map((decision, i): Verdict => {
    const { label } = scores[i] as Scores;
    if (decision.accepted) return { verdict: 'accepted', label: className(label), index: label, ...identity };
    if (!config.FALLBACK_URL) return { verdict: 'rejected', ...identity };
    const found = again?.[rejected.indexOf(i)];
    if (!found) return { verdict: 'rejected', reclassification: 'unavailable', ...identity };
    const { accepted } = decideReclassified(found, screening.thresholds, config.RECLASSIFY_KEEP_ALL === 'on');
    if (!accepted) return { verdict: 'rejected', reclassification: 'rejected', ...identity };
    return { verdict: 'reclassified', label: className(found.label), index: found.label, by: 'fallback', ...identity };
  });
  if (options.explain) {
    for (const [i, verdict] of verdicts.entries()) {
      const decision = decisions[i] as (typeof decisions)[number];
      const reconstruction = output.reconstruction?.subarray(i * size, (i + 1) * size) ?? new Float32Array(0);
      verdict.explain = await explanation(
        scores[i] as Scores,
        decision.accepted ? null : decision.reason,
        readable[i] as Float32Array,
        reconstruction,
        screening,
      );
    }
  }
  let next = 0;
  return images.map((image) => (image instanceof ProblemError ? problemOf(image, options.request) : (verdicts[next++] as Verdict)));
}

async function explanation(
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
