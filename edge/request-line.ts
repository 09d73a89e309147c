import type { Scores } from '../shared/decision/scores.ts';
import type { ProblemName } from './problem.ts';

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
