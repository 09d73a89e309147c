import type { Context } from 'hono';
import { marginProblem } from '../shared/decision/decide.ts';
import { goldenProblem } from '../shared/screening/golden.ts';
import type { Model } from '../shared/screening/model.ts';
import type { Config } from './config.ts';
import type { Env, Readiness } from './env.ts';
import { ProblemError } from './problem.ts';

/** A result is reused for this long. */
const HOLDS_MS = 10_000;

/**
 * Creates a readiness check that shares one run of the golden image among all who ask while it holds.
 *
 * @param checkedAtStart whether the golden image was run when the model was loaded: that result then holds from the first question on,
 *   because a worker has no clock at start-up
 */
export function createReadiness(checkedAtStart: boolean): Readiness {
  let last: { at: number; problem: Promise<string | null> } | undefined;
  return (model) => {
    const now = Date.now();
    if (!last && checkedAtStart) last = { at: now, problem: Promise.resolve(null) };
    if (!last || now - last.at >= HOLDS_MS || now < last.at) last = { at: now, problem: goldenProblem(model) };
    return last.problem;
  };
}

/**
 * Returns the model, if there is one that may answer.
 *
 * @throws ProblemError `model-unavailable`; `configuration` if the margin is no rule for its search
 */
export async function modelOf(c: Context<Env>): Promise<Model> {
  const config = c.get('config');
  const { MODEL_ID } = config;
  const model = await c
    .get('services')
    .model()
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new ProblemError('model-unavailable', `The model could not be loaded: ${why.replace(/[^.]$/, '$&.')} Deploy a whole bundle.`);
    });
  if (MODEL_ID !== undefined && !model.screening.id.startsWith(MODEL_ID)) {
    throw new ProblemError(
      'model-unavailable',
      `MODEL_ID allows only ${MODEL_ID}, but the worker was built with ${model.screening.id}. Deploy that bundle, or change MODEL_ID.`,
    );
  }
  checkMargin(config, model);
  return model;
}

/** A margin that is not used is not checked. @throws ProblemError `configuration` */
function checkMargin({ RECLASSIFY, RECLASSIFY_KEEP_ALL, RECLASSIFY_MIN_MARGIN }: Config, { screening }: Model): void {
  if (RECLASSIFY === 'off' || RECLASSIFY_KEEP_ALL === 'on') return;
  const problem = marginProblem(RECLASSIFY_MIN_MARGIN, screening.provenance.search);
  if (!problem) return;
  const todo = 'Leave it out, or set RECLASSIFY_KEEP_ALL=on to take the label of every image, unknown ones too. Then deploy again.';
  throw new ProblemError('configuration', `Invalid worker configuration: RECLASSIFY_MIN_MARGIN ${problem}. ${todo}`);
}

/**
 * Returns the model if a check of the last seconds shows that it computes what it did at its export.
 *
 * @throws ProblemError `model-unavailable`
 */
export async function readyModelOf(c: Context<Env>): Promise<Model> {
  const model = await modelOf(c);
  const problem = await c.get('readiness')(model);
  if (problem)
    throw new ProblemError(
      'model-unavailable',
      `The model does not compute what it did when it was exported: ${problem}. Deploy it again.`,
    );
  return model;
}
