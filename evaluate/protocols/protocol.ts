import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Door } from './endpoint.ts';
import type { Beside } from './other-bundles.ts';
import type { GradientCheck, OtherFigure, Outcome } from './outcome.ts';
import type { Setup } from './setup.ts';

/** Test images that an attack begins with. */
export interface Chosen {
  /** their places in the protocol's order */
  numbers: number[];
  /** [N, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  labels: number[];
  /** of each image's randomness: the same whatever batch or shard it is in */
  seeds: number[];
}

/** One thing that is done to a number of images; a job is some of its images. */
export interface Part {
  /** one of a kind within the protocol; names the job's file */
  name: string;
  images: number;
  /** of a job; fixed, as the last digits of a batch depend on its size */
  atOnce: number;
  /** gradients (a forward and a backward pass) an image at most, for the estimate of the time; other work counted as such */
  work: number;
  /** What it is and costs, as it stands in reports. */
  about: string;
  /** `chosen.images` are test images, but of parts that are `drawn`: those take the numbers and seeds alone. */
  run(setup: Setup, chosen: Chosen): Promise<Outcome[]>;
  drawn?: boolean;
  /** What is no outcome of an image. */
  figures?(setup: Setup, chosen: Chosen): Promise<OtherFigure[]>;
  /** Whether gradients are of any use on these images, told beside the outcomes. */
  check?(setup: Setup, chosen: Chosen): Promise<GradientCheck[]>;
}

/** What was asked for, the same in every thread. */
export interface Asked {
  /** test images that there are */
  test: number;
  /** how many of each kind; undefined for the protocol's own number */
  images?: number;
  /** whether Eq. 9 is asked about what is rejected, where the protocol leaves that open */
  search: boolean;
  /** a worker with this bundle, asked over HTTP by attacks without gradients; null without */
  door: Door | null;
  /** bundles of the same data set and size: for attacks that carry over, and to compare */
  others: Beside[];
  /** images of no class, all to be rejected */
  unknown: { name: string; count: number } | null;
}

export interface Protocol {
  name: string;
  /** URL of the module that says what is done: its attacks' source is part of what outcomes depend on */
  source: string;
  /** whether it asks a worker where one is named */
  asksDoor?: boolean;
  /** one line for --help */
  about: string;
  parts(screening: Screening, asked: Asked): Part[];
}
