import type { Context } from 'hono';
import type { Env } from './env.ts';
import type { DecisionLine, GuardOutcome } from './request-line.ts';
import type { Screened } from './screen.ts';

/** Workers Analytics Engine, where `DECISIONS` is bound (wrangler.toml). */
interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * Records the decisions of a request: in its log line, and as one data point each if a dataset is bound. Neither has the image. Scores would help anyone who reads the
 * log to fool the screen, so the line has them only with LOG_SCORES. Nothing here fails a request.
 *
 * Data point: index the model; blobs route, verdict, label, reason or problem, key, guard's mode; doubles 1, 1 where the guard
 * would have stopped it.
 *
 * @param model the bundle's id; empty if none could be loaded
 */
export function record(
  c: Context<Env>,
  route: 'screen' | 'guard' | 'infer',
  model: string,
  screened: readonly Screened[],
  guard?: GuardOutcome,
): void {
  const { LOG_DECISIONS, LOG_SCORES } = c.get('config');
  const decisions = screened.map((one, i) => decisionOf(one, screened.length > 1 ? i : undefined, LOG_SCORES === 'on'));
  const isLogged = ({ verdict }: DecisionLine) => LOG_DECISIONS === 'all' || (LOG_DECISIONS === 'rejected' && verdict !== 'accepted');
  const line = c.get('line');
  Object.assign(line, {
    ...{ images: screened.length, decisions: decisions.filter(isLogged) },
    ...{ refused: decisions.some(({ verdict }) => verdict !== 'accepted'), model: model || undefined, guard },
  });
  try {
    for (const { verdict, label, reason } of decisions) {
      const blobs = [route, verdict, label ?? '', reason ?? '', c.get('caller').key ?? '', guard?.mode ?? ''];
      (c.env.DECISIONS as Dataset | undefined)?.writeDataPoint({ indexes: [model], blobs, doubles: [1, verdict === 'accepted' ? 0 : 1] });
    }
  } catch (error) {
    line.faults.push({ what: 'not-recorded', why: String(error) });
  }
}

function decisionOf(one: Screened, image: number | undefined, withScores: boolean): DecisionLine {
  const place = image === undefined ? {} : { image };
  if (one.problem) return { verdict: 'error', reason: one.problem.problem, ...place };
  const { verdict, decision, scores } = one;
  return {
    verdict: verdict.verdict,
    label: 'label' in verdict ? verdict.label : undefined,
    reason: decision.accepted ? undefined : decision.reason,
    reclassification: 'reclassification' in verdict ? verdict.reclassification : undefined,
    ...place,
    ...(withScores ? { scores } : {}),
  };
}
