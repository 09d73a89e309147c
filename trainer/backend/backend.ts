import { UserError } from '../../shared/user-error.ts';
import type { Installation } from './installations.ts';

/** A backend of tfjs is not available, or can't be installed here. */
export class BackendError extends UserError {}

/**
 * A way to compute with tfjs. To add one, write a file that exports one of these, add it to the list in backends.ts, and write a test.
 */
export interface BackendKind<Name extends string = string> {
  /** The value of `--backend`. */
  name: Name;
  /** Computes on the processor's cores, so that each thread of a process can have one to itself. */
  perThread: boolean;
  /** Reads tensors synchronously (`dataSync`), as validation, calibration and report do; otherwise those run on wasm. */
  readsSynchronously: boolean;
  /** Matches the description that runs keep; older runs kept no name with it. */
  descriptionPattern: RegExp;
  /** Says how to get it; appended to the not-available error. */
  advice: string;
  /** Finds out whether it works here, without loading it into this process. */
  probe(request: Request): Promise<Availability>;
  /** Makes it tfjs's current backend in a further thread. Absent if one thread feeds it. @param settings of `ThreadBackend` */
  useInThread?(settings: unknown): Promise<void>;
}

interface Request {
  /** No user asked for this one: it is taken only if it is sure to be faster than those after it. */
  automatic: boolean;
  installations: Installation[];
}

/** The fault, as a clause, why a backend can't be used; or the function that makes it tfjs's current one. */
export type Availability = { fault: string } | { fault: null; use(threads?: number): Promise<ActiveBackend> };

export interface ActiveBackend {
  /** Kept in a run: `tfjs-node 4.22.0 on TensorFlow 2.21.0, cpu`. */
  description: string;
  /** Threads that share the work on a batch. */
  threads: number;
  /** Parts that a batch is cut into, each for a thread of its own; the remaining threads work within each operation. */
  parts: number;
  /** The settings by which further threads compute; null if there are none. */
  thread: ThreadBackend | null;
  /** Frees a device after the last step. */
  close?(): void;
}

/** The settings that make a further thread compute as the first one does; they can be sent to a thread. */
export interface ThreadBackend {
  /** The backend's name. */
  name: string;
  settings?: unknown;
}

/** Returns how many parts a batch is cut into: with many threads the parts get too small to be worth it. */
export function partsFor(threads: number): number {
  return Math.min(4, threads);
}
