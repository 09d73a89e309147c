import type { Screening } from '../shared/bundle/screening-schema.ts';
import type { Scores } from '../shared/decision/scores.ts';
import type { Trace } from '../shared/protocol/trace.ts';
import type { Config } from './config.ts';
import type { Resilience } from './escalation/resilience.ts';
import type { Screen, SearchHere } from './inference.ts';
import type { Scope } from './keys.ts';
import type { ProblemName } from './problem.ts';

/** A loaded model. */
export interface Model {
  screening: Screening;
  screen: Screen;
}

/** Says what the model computes otherwise than at its export; null if nothing. */
export type Readiness = (model: Model) => Promise<string | null>;

/** The caller of a request, by the name of its key. */
export interface Caller {
  /** null: without a key */
  key: string | null;
  scopes: readonly Scope[];
}

/** The services that the app is made with; tests give their own. */
export interface Services {
  /** The loaded model, or a rejection that says why there is none; then nothing is ever accepted. */
  model: () => Promise<Model>;
  /** Whether the golden image was checked when the model was loaded; else readiness starts with a check of its own. */
  checkedAtStart?: boolean;
  /** Opens the search in the worker itself. */
  openSearch?: () => Promise<SearchHere>;
  /** Reaches the fallback and the classifier. */
  fetcher: typeof fetch;
  /** Lets the runtime finish work that must not be dropped with its request. */
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

/** A decision as it is logged. */
export interface DecisionLine {
  verdict: 'accepted' | 'rejected' | 'reclassified' | 'error';
  label?: string | undefined;
  /** Why it was rejected, or the problem of an image that could not be read. */
  reason?: string | undefined;
  reclassification?: string | undefined;
  /** Its position among the images of the request, if there are several. */
  image?: number;
  /** Only with LOG_SCORES. */
  scores?: Scores;
}

/** What a guard did with a request. */
export interface GuardOutcome {
  mode: 'enforce' | 'observe';
  /** Whether the classifier got the request. */
  forwarded: boolean;
  /** The classifier's status, or why there is none. */
  upstream?: number | 'failed' | 'timeout';
  /** Images that were left out, with ON_PARTIAL=drop. */
  dropped?: number;
  /** Whether the classifier named the same class; undefined if it was not compared. */
  agreed?: boolean;
}

/** Something that broke and that only the operator is told of. */
export interface Fault {
  what: 'reclassification-unavailable' | 'not-recorded' | 'upstream-unreachable';
  why: string;
}

/** What a request's log line says besides its answer. Handlers add to it as they learn it; it never holds an image or a key. */
export interface RequestLine {
  problem?: ProblemName;
  why?: string;
  /** The bundle's id. */
  model?: string;
  images?: number;
  /** Whether any of them was not accepted. */
  refused?: boolean;
  /** Those that LOG_DECISIONS asks for. */
  decisions: DecisionLine[];
  guard?: GuardOutcome;
  faults: Fault[];
}
