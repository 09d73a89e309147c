import type { Entry } from '../image-cache.ts';
import type { Fault } from './fault.ts';

/** A split that a folder names itself. */
export type OwnSplit = 'train' | 'validation' | 'test';

/** An image file, its label and, where the folder says so, its split. */
export interface LabelledFile extends Entry {
  split?: OwnSplit;
}

/** The images of a folder as they are ordered in it. */
export interface Layout {
  /** Description of this order, for people. */
  form: string;
  classes: string[];
  /** Sorted by label and name. */
  entries: LabelledFile[];
  faults: Fault[];
}
