import type { Context } from 'hono';
import type { Trace } from '../shared/protocol/trace.ts';
import type { Config } from './config.ts';
import type { Resilience } from './escalation/resilience.ts';
import type { SearchHere } from './inference.ts';
import type { Caller } from './keys.ts';
import { ProblemError } from './problem.ts';
import type { Readiness } from './readiness.ts';
import type { RequestLine } from './request-line.ts';
import type { Model } from './screen.ts';

/** What the app is made with; the tests give their own. */
export interface Services {
  /** The loaded model, or a rejection that says why there is none; then nothing is ever accepted. */
  model: () => Promise<Model>;
  /** Whether the golden image was checked when the model was loaded; else readiness starts with a check of its own. */
  checkedAtStart?: boolean;
  /** Opens the search in the worker itself. */
  openSearch?: () => Promise<SearchHere>;
  /** How the fallback and the classifier are reached. */
  fetcher: typeof fetch;
  /** Lets the runtime finish what must not be dropped with its request. */
  waitUntil?: (work: Promise<unknown>) => void;
}

export type Env = {
  /** Variables, secrets and bindings. */
  Bindings: Record<string, unknown>;
  Variables: {
    requestId: string;
    trace: Trace;
    services: Services;
    config: Config;
    caller: Caller;
    resilience: (config: Config) => Resilience;
    readiness: Readiness;
    line: RequestLine;
  };
};

/**
 * Returns the model, if there is one that may answer.
 *
 * @throws ProblemError `model-unavailable`
 */
export async function modelOf(c: Context<Env>): Promise<Model> {
  const { MODEL_ID } = c.get('config');
  const model = await c
    .get('services')
    .model()
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new ProblemError('model-unavailable', `The model could not be loaded: ${why} Deploy a whole bundle.`);
    });
  if (MODEL_ID !== undefined && !model.screening.id.startsWith(MODEL_ID)) {
    throw new ProblemError(
      'model-unavailable',
      `MODEL_ID allows only ${MODEL_ID}, but the worker was built with ${model.screening.id}. Deploy that bundle, or change MODEL_ID.`,
    );
  }
  return model;
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
