import { createHash } from 'node:crypto';
import { fitnessOf } from '../../shared/bundle/fitness.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { EvaluationKey, JobResult } from '../jobs/job.ts';
import type { Descriptor, GradientCheck, OtherFigure } from '../measure/outcome.ts';
import { radiiFor } from '../measure/radii.ts';
import { certificatesOf } from './certificates.ts';
import { convergenceOf } from './convergence.ts';
import { curvesOf } from './curves.ts';
import { evidenceOf, withEvidence } from './evidence.ts';
import { galleriesOf } from './galleries.ts';
import { measuredParts } from './measured-parts.ts';
import { conditionsOf, partFigures, unknownOf } from './part-figures.ts';
import { securityCurves } from './perturbations.ts';
import { type Paper, paperSchema, type Report } from './report-schema.ts';
import { sanityOf } from './sanity.ts';
import { riskCoverageOf, scatterOf } from './score-figures.ts';
import { worstOf } from './worst.ts';

/** Everything that a report is made from. */
export interface Evaluation {
  screening: Screening;
  key: EvaluationKey;
  /** Version of the package that evaluates. */
  portcullis: string;
  /** The results of one protocol or several, from any shards. */
  results: readonly JobResult[];
  /** Returns the figures that the paper prints for a part of a protocol, in per cent. */
  paper?: (protocol: string, descriptor: Descriptor) => Partial<Paper> | null;
  gradients?: readonly GradientCheck[];
  others?: readonly OtherFigure[];
  /** True: these figures count even where the bundle has some of more images. */
  replace?: boolean;
}

/**
 * Computes every figure of an evaluation from its outcomes alone.
 *
 * @throws RangeError where the results belong to another evaluation, or contain the same images twice
 */
export function summarise({ screening, key, portcullis, results, paper, gradients, others, replace }: Evaluation): Report {
  const all = measuredParts(results, key);
  const parts = all.filter(({ descriptor }) => !descriptor.certificate);
  const own = parts.filter(({ descriptor }) => !descriptor.otherBundle);
  const known = own.filter(({ descriptor }) => !descriptor.unknown);
  const { name, id, modelId, classes, input, provenance, thresholds } = screening;
  const { dataset, data, trained, exported } = provenance;
  const radii = radiiFor(input);
  const report: Report = {
    version: 1,
    model: { name, id, modelId, classes, input: { height: input.height, width: input.width, channels: input.channels } },
    provenance: {
      ...{ portcullis, dataset, data, trained, exported },
      ...{ seed: key.seed, backend: key.backend, attacks: attacksHash(results) },
      seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    parts: parts.map((part) => {
      const printed = paper?.(part.protocol, part.descriptor) ?? null;
      return partFigures(part, printed && paperSchema.parse(printed), classes.length);
    }),
    conditions: conditionsOf(own),
    unknown: unknownOf(own),
    curves: curvesOf(known),
    security: securityCurves(known, radii),
    worst: worstOf(known, radii),
    convergence: convergenceOf(known, radii),
    certificates: certificatesOf(all),
    riskCoverage: riskCoverageOf(own, thresholds),
    scatter: scatterOf(own, thresholds),
    galleries: galleriesOf(parts, input),
    others: [...(others ?? [])],
    sanity: sanityOf(all, gradients ?? null, radii),
  };
  return { ...report, fitness: fitnessOf(withEvidence(screening, evidenceOf(report), replace)) };
}

/** Returns one hash for the attacks of all protocols. */
function attacksHash(results: readonly JobResult[]): string {
  const hashes = [...new Set(results.map(({ source }) => source))].sort();
  return hashes.length === 1 ? (hashes[0] as string) : createHash('sha256').update(hashes.join('\n')).digest('hex');
}
