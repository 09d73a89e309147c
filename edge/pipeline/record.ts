import type { Context } from 'hono';
import type { DecisionLine, Env } from '../env.ts';
import type { ScreeningResult } from './decide.ts';

/** The dataset of Workers Analytics Engine that is bound as `DECISIONS` (wrangler.toml). */
interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * Records the decisions of a request: in its log line, and as one data point each if a dataset is bound. Neither has the image. Scores
 * would help a reader of the log to fool the screen, so the line has them only with LOG_SCORES. Nothing here fails a request.
 *
 * A data point has the model as its index; the blobs route, verdict, label, reason or problem, key and the guard's mode; and the doubles 1,
 * and 1 where the guard would have stopped the image.
 *
 * @param model the bundle's id; empty if none could be loaded
 */
export function logDecisions(
  c: Context<Env>,
  route: 'screen' | 'guard' | 'infer',
  model: string,
  judged: readonly ScreeningResult[],
): void {
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
