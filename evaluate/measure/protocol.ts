import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { EvaluationContext, JobInputs } from './context.ts';
import type { Endpoint } from './endpoint.ts';
import type { OtherBundle } from './other-bundles.ts';
import type { Descriptor, GradientCheck, OtherFigure, Outcome } from './outcome.ts';

/** One thing that a protocol does to a number of images; a job is some of its images. */
export interface Part {
  /** unique within the protocol; names the files of its jobs */
  name: string;
  descriptor: Descriptor;
  images: number;
  /** Images of a job. The number is fixed, as the last digits of a batch depend on its size. */
  atOnce: number;
  /** Gradients (a forward and a backward pass) an image at most, for the estimate of the time; other work counts as such. */
  work: number;
  /** The attack and its budget, for reports. */
  about: string;
  /**
   * URLs of the modules that make the outcomes: the attack's own, and those of `run`, `figures` and `check`. A job is done again when any
   * of these or what they import has changed.
   */
  sources: readonly string[];
  /** Identifies other inputs of the outcomes than code, bundle and test images, such as unknown images by their hash. */
  data?: string;
  /** The part begins with no test images: it takes numbers and seeds alone. */
  synthetic?: boolean;
  run(context: EvaluationContext, inputs: JobInputs): Promise<Outcome[]>;
  /** Measures what is not the outcome of an image. */
  figures?(context: EvaluationContext, inputs: JobInputs): Promise<OtherFigure[]>;
  /** Checks that gradients are usable on these images. */
  check?(context: EvaluationContext, inputs: JobInputs): Promise<GradientCheck[]>;
}

/** The user's choices, the same in every thread. */
export interface ProtocolOptions {
  /** test images in the data set */
  test: number;
  /** images of each kind; undefined for the protocol's own number */
  images?: number;
  /** rejected images are reclassified, where the protocol leaves that open */
  search: boolean;
  /** a worker with this bundle, which black-box attacks ask over HTTP too; null without */
  endpoint: Endpoint | null;
  /** bundles of the same data set and size: for attacks that carry over, and to compare */
  others: OtherBundle[];
  /** unknown images, all to be rejected */
  unknown: { name: string; count: number; sha256: string } | null;
}

export interface Protocol {
  name: string;
  /** `import.meta.url` of the protocol's file. Changing this file, but not its imports, invalidates all parts. */
  source: string;
  /** asks a worker where one is named */
  asksEndpoint?: boolean;
  /** one line for --help */
  about: string;
  parts(screening: Screening, options: ProtocolOptions): Part[];
}
