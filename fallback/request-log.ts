import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import { parseTraceparent } from '../shared/protocol/trace.ts';
import type { Metrics, Outcome } from './metrics.ts';

/** Facts about an inference request for the log; never the content of its images. */
export interface RequestRecord {
  /** The protocol's `id`. */
  id?: string;
  images?: number;
  waitMs?: number;
  searchMs?: number;
  /** Only if the status does not say it. */
  outcome?: Outcome;
  why?: string;
}

export type Env = { Variables: { record: RequestRecord } };

const LONGEST_ID = 128;

/** Logs and counts each inference request, one line of JSON each; other requests are logged at level debug. */
export function requestLog(log: Logger, metrics: Pick<Metrics, 'answered'>): MiddlewareHandler<Env> {
  return async (c, next) => {
    const started = performance.now();
    const record: RequestRecord = {};
    c.set('record', record);
    await next();
    const { status } = c.res;
    const ms = Math.round(performance.now() - started);
    const inference = c.req.method === 'POST' && c.req.path.endsWith('/infer');
    const { id, images, waitMs, searchMs, outcome = outcomeOf(status), why } = record;
    if (inference) metrics.answered(outcome, ms / 1000);
    const level = !inference ? 'debug' : status === 500 ? 'error' : status >= 500 ? 'warn' : 'info';
    log[level]({
      ...{ event: 'request', method: c.req.method, path: c.req.path, status, outcome: inference ? outcome : undefined },
      ...{ id: id?.slice(0, LONGEST_ID), trace: parseTraceparent(c.req.header('traceparent'))?.traceId, images },
      ...{ waitMs: rounded(waitMs), searchMs: rounded(searchMs), ms, why },
    });
  };
}

function outcomeOf(status: number): Outcome {
  if (status === 200) return 'answered';
  if (status === 401) return 'unauthorized';
  return status < 500 ? 'invalid' : status === 503 ? 'refused' : 'failed';
}

const rounded = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms));
