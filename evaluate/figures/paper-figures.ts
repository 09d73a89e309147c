import { fgsm } from '../../attacks/fgsm.ts';
import { suites } from '../../attacks/list.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { datasets } from '../../trainer/data/datasets.ts';
import type { Descriptor } from '../measure/outcome.ts';
import { FGSM_EPSILONS } from '../protocols/paper.ts';
import type { Paper } from './report-schema.ts';

/** Table 2: of FGSM images that were rejected, per cent that Eq. 9 labels rightly, every label taken. */
const TABLE_2 = [97, 93, 91, 87, 87];

/** Looks up the figures that the paper prints for a part of a protocol, in per cent; null where it prints none. */
export function paperFigures(screening: Screening): (protocol: string, descriptor: Descriptor) => Partial<Paper> | null {
  const { isSupervised, row } = experimentOf(screening);
  const { dataset } = screening.provenance;
  const isTable2 = (protocol: string) => protocol === 'table2' && dataset === 'mnist' && isSupervised;
  return (protocol, { images, attack, radius }) => {
    if (images === 'clean') {
      if (!row) return null;
      const [, acceptedRight, acceptedWrong, rejected] = row;
      // Section 4: of 181 rejected digits Eq. 9 labels 110 rightly, which makes 99.07 % of all right.
      const searched = isTable2(protocol) ? { reclassifiedRight: 60.77, pipelineRight: 99.07 } : {};
      return { acceptedRight, acceptedWrong, rejected, ...searched };
    }
    const isFgsm = attack?.name === fgsm.name;
    const eps = isFgsm ? FGSM_EPSILONS.indexOf(radius as number) : -1;
    if (isTable2(protocol) && eps >= 0) return { reclassifiedRight: TABLE_2[eps] as number };
    if (dataset === 'mnist' && protocol === 'figure3' && isFgsm)
      return { note: 'the largest undetected error of figure 3 is 3.89 %, of any of these radii' };
    const onEncoder = suites.encoder.some(({ name }) => name === attack?.name);
    if (protocol === 'coil' && dataset === 'coil-100' && onEncoder) return { acceptedRight: 0, acceptedWrong: 0, rejected: 100 };
    if (protocol === 'fooling') return { note: 'the paper mentions no fooling image that was accepted' };
    return null;
  };
}

/** The figure that the paper prints in table 1 without thresholds, in per cent; null where it prints none. */
export const paperWithoutThresholds = (screening: Screening): number | null => experimentOf(screening).row?.[0] ?? null;

/** Looks up the bundle's row in table 1: accuracy without thresholds, then accuracy, error and rejection. */
function experimentOf({ provenance: { dataset, training } }: Screening) {
  const isSupervised = ((training as { labelsPerClass?: number | null } | undefined)?.labelsPerClass ?? null) === null;
  const table1 = datasets.get(dataset)?.table1;
  return { isSupervised, row: isSupervised ? table1?.supervised : table1?.semiSupervised };
}
