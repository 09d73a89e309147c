import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Search, SearchEvents } from './search.ts';

/** Outcomes of a request, as metrics and log name them. */
const OUTCOMES = ['answered', 'invalid', 'unauthorized', 'refused', 'expired', 'cancelled', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Metrics {
  registry: Registry;
  /** Callbacks that count what happens in the search. */
  events: SearchEvents;
  answered(outcome: Outcome, seconds: number): void;
  /** Adds gauges of the queue's state. */
  observe(search: Pick<Search, 'waiting' | 'threads' | 'batchSize'>): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Creates the metrics of docs/fallback.md for Prometheus, and those of Node itself (event loop, memory, processor time). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  // The interval in ms, to which the delay of the event loop is added: at 1, a figure is the delay plus a millisecond.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1 });
  const of = <T extends string>(name: string, help: string, labelNames: T[] = []) => ({
    ...{ name: `portcullis_fallback_${name}`, help, labelNames, registers: [registry] },
  });
  const requests = new Counter(of('requests_total', 'Inference requests by outcome', ['outcome']));
  for (const outcome of OUTCOMES) requests.inc({ outcome }, 0);
  const answer = new Histogram({ ...of('request_seconds', 'Time from headers to answer of answered requests'), buckets: SECONDS });
  const wait = new Histogram({ ...of('queue_wait_seconds', 'Wait of requests until their search began'), buckets: SECONDS });
  const seconds = new Histogram({ ...of('search_seconds', 'Search time of a batch'), buckets: SECONDS });
  const batch = new Histogram({ ...of('batch_images', 'Images in a batch'), buckets: [1, 2, 4, 8, 16, 32, 64] });
  const images = new Counter(of('images_total', 'Images searched'));
  const failures = new Counter(of('search_failures_total', 'Batches that failed; their requests are tried once more'));
  const ended = new Counter(of('thread_ends_total', 'Search threads that ended'));
  return {
    registry,
    events: {
      waited: (value) => wait.observe(value),
      searched(found) {
        seconds.observe(found.seconds);
        batch.observe(found.images);
        images.inc(found.images);
      },
      failed: () => failures.inc(),
      threadEnded: () => ended.inc(),
    },
    answered(outcome, value) {
      requests.inc({ outcome });
      if (outcome === 'answered') answer.observe(value);
    },
    observe(search) {
      const gauge = (name: string, help: string, value: () => number) =>
        new Gauge({
          ...of(name, help),
          collect() {
            this.set(value());
          },
        });
      gauge('queue_requests', 'Requests that wait', () => search.waiting.requests);
      gauge('queue_images', 'Images that wait', () => search.waiting.images);
      gauge('threads', 'Search threads that are alive', () => search.threads.length);
      gauge('batch_size', 'Images that a batch may have', () => search.batchSize);
    },
  };
}
