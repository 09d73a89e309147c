import type { Context } from 'hono';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { screenImages } from '../../shared/screening/screen-images.ts';
import type { ImageSource } from '../decode/read-images.ts';
import type { DecisionLine, Env } from '../env.ts';
import { escalationOf } from '../escalation/escalation.ts';
import { modelOf } from '../model.ts';
import { decideImages, type ScreeningResult } from './decide.ts';

type Route = 'screen' | 'guard' | 'infer';

/** The step that differs between routes: getting the images. */
export interface Source<Given extends { images: ImageSource[] }> {
  route: Route;
  /** Reads the body. */
  body(): Promise<Uint8Array> | Uint8Array;
  /** Finds the images in it. */
  read(body: Uint8Array, screening: Screening): Given;
  /** Explains each verdict. */
  explain?: boolean;
}

/**
 * Takes a request through the steps that `/screen`, `/guard` and `/v2` share: read, screen, decide, record. The route then answers.
 *
 * @returns what was read, and the verdict on each image in order; an image that could not be read keeps its problem in its place
 * @throws ProblemError if there is no model, or the body can't be read
 */
export async function runPipeline<Given extends { images: ImageSource[] }>(
  c: Context<Env>,
  { route, body, read, explain = false }: Source<Given>,
): Promise<{ given: Given; judged: ScreeningResult[]; model: Screening }> {
  const model = await modelOf(c);
  const given = read(await body(), model.screening);
  const escalation = escalationOf(c, model);
  const screened = await screenImages(given.images, model, { explain, keepRejected: escalation !== null });
  // The sources hold the body, and a fallback may take long to answer.
  given.images = [];
  const judged = await decideImages(screened, model.screening, c.get('config'), { explain, request: c.get('requestId'), escalation });
  logDecisions(c, route, model.screening.id, judged);
  return { given, judged, model: model.screening };
}

/** The dataset of Workers Analytics Engine that is bound as `DECISIONS` (wrangler.toml). */
type Dataset = { writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void };

/**
 * Records the decisions of a request: in its log line, and as one data point each if a dataset is bound. Neither has the image. Scores
 * would help a reader of the log to fool the screen, so the line has them only with LOG_SCORES. Nothing here fails a request.
 *
 * A data point has the model as its index; the blobs route, verdict, label, reason or problem, key and the guard's mode; and the doubles 1,
 * and 1 where the guard would have stopped the image.
 *
 * @param model the bundle's id; empty if none could be loaded
 */
export function logDecisions(c: Context<Env>, route: Route, model: string, judged: readonly ScreeningResult[]): void {
  const { LOG_DECISIONS, LOG_SCORES, GUARD } = c.get('config');
  const decisions = judged.map((one, i) => decisionOf(one, judged.length > 1 ? i : undefined, LOG_SCORES === 'on'));
  const isLogged = ({ verdict }: DecisionLine) => LOG_DECISIONS === 'all' || (LOG_DECISIONS === 'rejected' && verdict !== 'accepted');
  const line = c.get('line');
  line.images = judged.length;
  line.decisions = decisions.filter(isLogged);
  line.refused = decisions.some(({ verdict }) => verdict !== 'accepted');
  if (model) line.model = model;
  try {
    for (const { verdict, label, reason } of decisions) {
      const blobs = [route, verdict, label ?? '', reason ?? '', c.get('caller').key ?? '', route === 'guard' ? GUARD : ''];
      (c.env.DECISIONS as Dataset | undefined)?.writeDataPoint({ indexes: [model], blobs, doubles: [1, verdict === 'accepted' ? 0 : 1] });
    }
  } catch (error) {
    line.faults.push({ what: 'not-recorded', why: String(error) });
  }
}

function decisionOf(judged: ScreeningResult, image: number | undefined, withScores: boolean): DecisionLine {
  const place = image === undefined ? {} : { image };
  if (judged.problem) return { verdict: 'error', reason: judged.problem.problem, ...place };
  const { verdict, decision, scores } = judged;
  return {
    verdict: verdict.verdict,
    label: 'label' in verdict ? verdict.label : undefined,
    reason: decision.accepted ? undefined : decision.reason,
    reclassification: 'reclassification' in verdict ? verdict.reclassification : undefined,
    ...place,
    ...(withScores ? { scores } : {}),
  };
}
