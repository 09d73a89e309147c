import { cp, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeScreening } from '../../node/bundle/models-folder.ts';
import { withLock } from '../../node/files/lock.ts';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import { BundleError, parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Evidence, Screening } from '../../shared/bundle/screening-schema.ts';
import { radiusText } from '../measure/radius-text.ts';
import type { Certificate, PartFigures, Report, Worst } from './report-schema.ts';

/**
 * Returns the figures of a report that a bundle keeps: where an attack searched for the nearest broken image, the union of all attacks at
 * each radius; otherwise each part by itself; and what is proven. `about` states the budget.
 */
export function evidenceOf(report: Report): Evidence[] {
  const { worst, parts, security } = report;
  const isSearched = (protocol: string, norm: Worst['norm'] | null) =>
    security.some((curve) => curve.protocol === protocol && curve.norm === norm);
  const strong = worst.filter(({ norm, attacks }) => attacks.some(({ protocol }) => isSearched(protocol, norm)));
  const alone = parts.filter((part) => part.tried > 0 && !isSearched(part.protocol, part.norm) && !part.otherBundle);
  return [
    ...alone.map((part) => partEvidence(part, report)),
    ...strong.flatMap((union) => unionEvidence(union, report)),
    ...report.certificates.map((certificate) => provenEvidence(certificate, report)),
  ];
}

const protocolOf = (name: string, { provenance }: Report) => `${name}, seed ${provenance.seed}`;

function partEvidence(part: PartFigures, report: Report): Evidence {
  const kept = part.reclassified?.kept;
  const kind = part.protocol === 'unknown' ? report.unknown.find((own) => own.part === part.name) : undefined;
  return {
    ...{ name: part.name, protocol: protocolOf(part.protocol, report), id: report.model.id, images: part.tried },
    ...{ acceptedRight: part.acceptedRight.count, acceptedWrong: part.acceptedWrong.count, rejected: part.rejected.count },
    reclassified: kept ? { right: kept.right.count, wrong: kept.wrong.count, rejectedStill: kept.rejectedStill.count } : null,
    ...(part.about === '' ? {} : { about: part.about }),
    ...(part.perClass ? { perClass: part.perClass } : {}),
    ...(kind ? { trainedOn: kind.trainedOn } : {}),
  };
}

function unionEvidence({ name, norm, images, attacks, at }: Worst, report: Report): Evidence[] {
  const about = `the union of ${attacks.length} attacks: ${attacks.map(({ attack }) => attack).join('; ')}; budgets in its report`;
  return at.map(({ radius, broken, withstood, rejectedClean }) => ({
    ...{ name: `${name}, ${norm} ${radiusText(radius)}`, protocol: protocolOf(name, report), id: report.model.id, images },
    ...{ acceptedRight: withstood, acceptedWrong: broken.count, rejected: rejectedClean },
    ...{ reclassified: null, about, within: { norm, radius } },
  }));
}

function provenEvidence(certificate: Certificate, report: Report): Evidence {
  const { protocol, name, about, norm, radius, images, proven, withstood, rejectedClean } = certificate;
  return {
    ...{ name, protocol: protocolOf(protocol, report), id: report.model.id, images },
    ...{ acceptedRight: withstood, acceptedWrong: proven.count, rejected: rejectedClean },
    ...{ reclassified: null, about, within: { norm, radius }, proven: true },
  };
}

/**
 * Writes figures to the bundle's screening.json, as `withEvidence` joins them, and renews its model card. The bundle keeps its id, as
 * nothing that decides has changed, and gets a new checksum. The folder is replaced as a whole, by one evaluation after the other: of two
 * at once one would lose its figures.
 *
 * @throws BundleError where the bundle is no longer the one that was measured
 */
export function keepEvidence(directory: string, evidence: Evidence[], replace = false): Promise<Screening> {
  const target = resolve(directory);
  const keep = async (fresh: string) => {
    await cp(target, fresh, { recursive: true });
    const kept = await withChecksums(withEvidence(await openMeasured(fresh, evidence), evidence, replace));
    await writeScreening(fresh, kept);
    // An export may have replaced the bundle in the meantime: then it is not the one that was measured.
    await openMeasured(target, evidence);
    return kept;
  };
  const lock = join(dirname(target), `.${basename(target)}.lock`);
  return withLock('evaluation', lock, () => rebuildFolder(target, 'screening.json', keep));
}

const isSame = (a: Evidence, b: Evidence) => a.name === b.name && a.protocol === b.protocol && a.id === b.id;

/** Returns the figures of a bundle that were measured on more images than new ones with the same protocol and name. */
export function ofMoreImages({ evidence: kept }: Screening, evidence: readonly Evidence[]): Evidence[] {
  return kept.filter((old) => evidence.some((fresh) => isSame(old, fresh) && fresh.images < old.images));
}

/**
 * Returns a bundle's description with figures in place of those with the same protocol and name, and without those of other thresholds.
 *
 * @param replace true: also in place of those of more images, which otherwise stay
 */
export function withEvidence(screening: Screening, evidence: readonly Evidence[], replace = false): Screening {
  const staying = replace ? [] : ofMoreImages(screening, evidence);
  const fresh = evidence.filter((entry) => !staying.some((old) => isSame(old, entry)));
  const kept = screening.evidence.filter((old) => old.id === screening.id && !fresh.some((entry) => isSame(old, entry)));
  return { ...screening, evidence: [...kept, ...fresh] };
}

async function openMeasured(directory: string, evidence: Evidence[]): Promise<Screening> {
  const screening = await parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
  const other = evidence.find(({ id }) => id !== screening.id);
  if (other) throw new BundleError(`the bundle was replaced while it was measured: ${other.id} is now ${screening.id}. Evaluate again.`);
  return screening;
}
