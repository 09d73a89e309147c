import type { Evidence } from '../../shared/bundle/screening-schema.ts';
import { isBeside } from '../bundles-beside.ts';
import type { PartFigures, Report, Worst } from './report-schema.ts';

/**
 * A report as it is kept in the bundle: the union of attacks at each radius where some of them look for the nearest image; every
 * part that is not among those. `about` is the budget.
 */
export function evidenceOf(report: Report): Evidence[] {
  const { worst, parts, security } = report;
  const strong = worst.filter(({ norm, attacks }) =>
    attacks.some(({ protocol }) => security.some((curve) => curve.protocol === protocol && curve.norm === norm)),
  );
  // Of a protocol that has none of those each attack stands for itself.
  const united = ({ protocol, norm }: PartFigures) => security.some((curve) => curve.protocol === protocol && curve.norm === norm);
  const alone = parts.filter((part) => part.tried > 0 && !united(part) && !isBeside(part));
  return [...alone.map((part) => partEvidence(part, report)), ...strong.flatMap((union) => unionEvidence(union, report))];
}

const protocolOf = (name: string, { provenance }: Report) => `${name}, seed ${provenance.seed}`;

function partEvidence({ protocol, name, about, tried, acceptedRight, acceptedWrong, rejected, reclassified }: PartFigures, report: Report) {
  const kept = reclassified?.kept;
  return {
    ...{ name, protocol: protocolOf(protocol, report), id: report.model.id, images: tried },
    ...{ acceptedRight: acceptedRight.count, acceptedWrong: acceptedWrong.count, rejected: rejected.count },
    reclassified: kept ? { right: kept.right.count, wrong: kept.wrong.count, rejectedStill: kept.rejectedStill.count } : null,
    ...(about === '' ? {} : { about }),
  };
}

function unionEvidence({ name, norm, images, attacks, at }: Worst, report: Report): Evidence[] {
  const about = `the union of ${attacks.length} attacks: ${attacks.map(({ attack }) => attack).join('; ')}; budgets in its report`;
  return at.map(({ radius, broken, withstood, rejectedClean }) => ({
    ...{ name: `${name}, ${norm} ${radius}`, protocol: protocolOf(name, report), id: report.model.id, images },
    ...{ acceptedRight: withstood, acceptedWrong: broken.count, rejected: rejectedClean },
    reclassified: null,
    about,
  }));
}
