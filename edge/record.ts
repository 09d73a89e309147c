import type { Config } from './config.ts';
import type { Screened } from './screen.ts';
import type { Trace } from './trace.ts';

/** Whose decision it is. */
export interface Asked {
  route: 'screen' | 'guard' | 'infer';
  request: string;
  trace: Trace;
  /** Of its key; null without one. */
  key: string | null;
  /** The bundle's id. */
  model: string;
}

/** What a guard did with it. */
export interface GuardOutcome {
  mode: 'enforce' | 'observe';
  /** Whether the classifier got the request. */
  forwarded: boolean;
  /** The classifier's status, or why there is none. */
  upstream?: number | 'failed' | 'timeout';
  /** Whether the classifier said the same class; undefined where it was not asked. */
  agreed?: boolean;
}

/** Workers Analytics Engine, where `DECISIONS` is bound (wrangler.toml). */
interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * A line in the log for each decision, and a data point where a dataset is bound. Neither has the image; scores, which would help
 * who reads the log to fool the screen, are in the line only where LOG_SCORES asks for them. Nothing here fails a request.
 *
 * Data point: index the model; blobs route, verdict, label, reason or problem, key, guard's mode; doubles 1, 1 where the guard
 * would have stopped it.
 */
export function record(screened: readonly Screened[], asked: Asked, config: Config, dataset: unknown, guard?: GuardOutcome): void {
  for (const [i, one] of screened.entries()) {
    const { verdict, problem } = one;
    const outcome = verdict?.verdict ?? 'error';
    const label = verdict && 'label' in verdict ? verdict.label : undefined;
    const reason = verdict ? (one.decision.accepted ? undefined : one.decision.reason) : problem?.problem;
    try {
      const { request, trace, ...who } = asked;
      const line = {
        ...{ event: 'decision', ...who, request, trace: trace.traceId, span: trace.spanId },
        ...{
          verdict: outcome,
          label,
          reason,
          reclassification: verdict && 'reclassification' in verdict ? verdict.reclassification : undefined,
        },
        ...(screened.length > 1 ? { image: i, images: screened.length } : {}),
        ...(guard ? { guard } : {}),
        ...(config.LOG_SCORES === 'on' && verdict ? { scores: one.scores } : {}),
      };
      const isLogged = config.LOG_DECISIONS === 'all' || (config.LOG_DECISIONS === 'rejected' && outcome !== 'accepted');
      if (isLogged) console.log(JSON.stringify(line));
      const blobs = [asked.route, outcome, label ?? '', reason ?? '', asked.key ?? '', guard?.mode ?? ''];
      (dataset as Dataset | undefined)?.writeDataPoint({ indexes: [asked.model], blobs, doubles: [1, outcome === 'accepted' ? 0 : 1] });
    } catch (error) {
      console.warn(JSON.stringify({ event: 'not-recorded', why: String(error), request: asked.request }));
    }
  }
}
