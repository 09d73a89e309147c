import { createHash } from 'node:crypto';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { isBeside } from '../bundles-beside.ts';
import type { JobResult } from '../job.ts';
import type { Key } from '../run-jobs.ts';
import { curvesOf } from './curves.ts';
import { galleriesOf } from './galleries.ts';
import type { GradientCheck } from './gradient-checks.ts';
import { measuredParts } from './measured-parts.ts';
import { partFigures } from './part-figures.ts';
import type { OtherFigure, Paper, Report } from './report-schema.ts';
import { riskCoverageOf } from './risk-coverage.ts';
import { sanityOf } from './sanity.ts';
import { scatterOf } from './scatter.ts';
import { securityCurves } from './security-curve.ts';
import { worstOf } from './worst.ts';

/** All that a report is made from. */
export interface Evaluation {
  screening: Screening;
  key: Omit<Key, 'attacks'>;
  /** version of the package that evaluates */
  portcullis: string;
  /** of one protocol or of several, from any shards */
  results: readonly JobResult[];
  /** what the paper prints for the same, by protocol and part: per cent */
  paper?: (protocol: string, part: string) => Partial<Paper> | null;
  gradients?: readonly GradientCheck[];
  others?: readonly OtherFigure[];
}

const NOTHING_PRINTED: Paper = {
  acceptedRight: null,
  acceptedWrong: null,
  rejected: null,
  reclassifiedRight: null,
  pipelineRight: null,
  note: '',
};

/**
 * Every figure of an evaluation, from its outcomes alone.
 *
 * @throws RangeError where the results are not of this evaluation, or hold the same images twice
 */
export function summarise({ screening, key, portcullis, results, paper, gradients, others }: Evaluation): Report {
  const parts = measuredParts(results, key);
  const own = parts.filter((part) => !isBeside(part));
  const { name, id, modelId, classes, input, provenance, thresholds } = screening;
  const { dataset, data, trained, exported } = provenance;
  return {
    version: 1,
    model: { name, id, modelId, classes, input: { height: input.height, width: input.width, channels: input.channels } },
    provenance: {
      ...{ portcullis, dataset, data, trained, exported },
      ...{ seed: key.seed, backend: key.backend, attacks: attacksIn(results) },
      seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    parts: parts.map((part) => {
      const printed = paper?.(part.protocol, part.name) ?? null;
      return partFigures(part, printed && { ...NOTHING_PRINTED, ...printed });
    }),
    curves: curvesOf(own),
    security: securityCurves(own),
    worst: worstOf(own),
    riskCoverage: riskCoverageOf(own, thresholds),
    scatter: scatterOf(own, thresholds),
    galleries: galleriesOf(parts, input.height * input.width * input.channels),
    others: [...(others ?? [])],
    sanity: sanityOf(parts, gradients ?? null),
  };
}

/** One hash for the attacks of all protocols: that of theirs, where they are several. */
function attacksIn(results: readonly JobResult[]): string {
  const hashes = [...new Set(results.map(({ attacks }) => attacks))].sort();
  return hashes.length === 1 ? (hashes[0] as string) : createHash('sha256').update(hashes.join('\n')).digest('hex');
}
