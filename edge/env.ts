import type { Fitness } from '../shared/bundle/fitness-schema.ts';
import type { Scores } from '../shared/decision/scores.ts';
import type { Trace } from '../shared/protocol/trace.ts';
import type { LocalSearch } from '../shared/runtime/screen.ts';
import type { Model } from '../shared/screening/model.ts';
import type { Config } from './config.ts';
import type { Resilience } from './escalation/resilience.ts';
import type { Scope } from './keys.ts';
import type { ProblemName } from './problem.ts';

/** Says what the model computes otherwise than at its export; null if nothing. */
export type Readiness = (model: Model) => Promise<string | null>;

/** The caller of a request, by the name of its key. */
export interface Caller {
  /** null: without a key */
  key: string | null;
  scopes: readonly Scope[];
}

/** The page, and the bundle that it opens. */
export interface Page {
  /** Changes with any of its files. */
  version: string;
  /** Files of the page, by name; `index.html` is the page. */
  files: Readonly<Record<string, ArrayBuffer>>;
  /** Reads a file of the bundle. */
  bundleFile(name: string): Uint8Array;
}

/** The services that the app is made with; tests give their own. */
export interface Services {
  /** The loaded model, or a rejection that says why there is none; then nothing is ever accepted. */
  model: () => Promise<Model>;
  /** The verdict on the model, made by the build. */
  fitness?: Fitness;
  /** The golden image was checked when the model was loaded; otherwise readiness starts with a check of its own. */
  checkedAtStart?: boolean;
  /** Opens the search in the worker itself. */
  openSearch?: () => Promise<LocalSearch>;
  /** The page, in a worker that was built with it. */
  page?: Page | undefined;
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

/** A decision in the log. */
export interface DecisionLine {
  verdict: 'accepted' | 'rejected' | 'reclassified' | 'error';
  label?: string | undefined;
  /** The reason of a rejection, or the problem of an image that could not be read. */
  reason?: string | undefined;
  reclassification?: string | undefined;
  /** Its position among the images of the request, if there are several. */
  image?: number;
  /** Present only with LOG_SCORES. */
  scores?: Scores;
}

/** The outcome of a guarded request. */
export interface GuardOutcome {
  mode: 'enforce' | 'observe';
  /** True if the classifier got the request. */
  forwarded: boolean;
  /** The classifier's status, or the reason why there is none. */
  upstream?: number | 'failed' | 'timeout';
  /** Images that were left out, with ON_PARTIAL=drop. */
  dropped?: number;
  /** True if the classifier named the same class; undefined if it was not compared. */
  agreed?: boolean;
}

/** A failure that only the operator sees. */
export interface Fault {
  what: 'reclassification-unavailable' | 'not-recorded' | 'upstream-unreachable';
  why: string;
}

/** A request's log line, besides its answer. Handlers add to it; it never holds an image or a key. */
export interface RequestLine {
  problem?: ProblemName;
  why?: string;
  /** The bundle's id. */
  model?: string;
  images?: number;
  /** True if any image was not accepted. */
  refused?: boolean;
  /** The decisions that LOG_DECISIONS asks for. */
  decisions: DecisionLine[];
  guard?: GuardOutcome;
  faults: Fault[];
}
