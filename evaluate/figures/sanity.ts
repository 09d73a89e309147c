import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import { rate } from '../../shared/rate.ts';
import type { GradientCheck } from '../measure/outcome.ts';
import type { Radii } from '../measure/radii.ts';
import { radiusText } from '../measure/radius-text.ts';
import { certificateHolds, certifiedParts } from './certificates.ts';
import { convergenceChecks, convergenceOf } from './convergence.ts';
import { compareAttacks, comparePartsByImage, type Family, fallsOf, families } from './curves.ts';
import { isBlackBox, isMinimumNorm, type MeasuredPart } from './measured-parts.ts';
import { countBroken, imagesOf, isWithinRadius, smallestPerturbations } from './perturbations.ts';
import type { Check } from './report-schema.ts';
import { imagesOfUnion } from './worst.ts';

/** Share of the images that an attack without a limit must break. */
const UNBOUNDED_SHARE = 0.99;
/** Share of the images whose gradient must be usable. */
const LEAST_USABLE = 0.99;
/** Share of the images on which the attack must have converged: it succeeded, or little of its descent came in the second half. */
const LEAST_CONVERGED = 0.9;
const MOST_LATE_DESCENT = 0.1;

/** @param passed null for a check that was not run */
type MakeCheck = (name: string, passed: boolean | null, detail: string) => Check;
const ofReport: MakeCheck = (name, passed, detail) => ({ name, of: 'report', passed, detail });
const ofAttack: MakeCheck = (name, passed, detail) => ({ name, of: 'attack', passed, detail });

/**
 * Checks what must hold of attacks that are as strong as they claim to be. Where a check `of` the report fails, its figures cannot be
 * trusted. Where a check of an attack fails, that attack's own figures prove nothing, while the union of all attacks still holds.
 */
export function sanityOf(all: readonly MeasuredPart[], gradients: readonly GradientCheck[] | null, radii: Radii): Check[] {
  // Attacks on unknown images say nothing about those on test images, though their images have the same numbers.
  const parts = all.filter(({ descriptor }) => !descriptor.otherBundle && !descriptor.certificate && !descriptor.unknown);
  return [
    everyImageMeasured(all),
    ...NORMS.map((norm) => nearestImageSearched(parts, norm)),
    ...families(parts).map(largerRadiusFindsMore),
    ...parts.flatMap((part) => twiceTheSteps(part, parts, radii)),
    unlimitedAttackBreaksAll(parts),
    ...convergenceChecks(convergenceOf(parts, radii)),
    ...NORMS.map((norm) => whiteBoxFindsMost(parts, norm, radii)),
    ...certifiedParts(all).map((part) => certificateHolds(part, parts)),
    ...gradientChecks(gradients),
  ];
}

function everyImageMeasured(parts: readonly MeasuredPart[]): Check {
  const incomplete = parts.flatMap((part) => {
    // Some images allow no unknown one of a kind.
    const missing = part.descriptor.unknown ? 0 : part.asked - imagesOf([part]).size;
    return missing > 0 ? [`${part.name} (${part.protocol}): ${missing} of ${part.asked} are missing`] : [];
  });
  return ofReport('every image was measured', incomplete.length === 0, incomplete.join('; ') || `${parts.length} parts`);
}

/** The union of a norm rests on an attack that finds more as the radius grows by its very construction. */
function nearestImageSearched(parts: readonly MeasuredPart[], norm: Norm): Check {
  const searching = parts.filter((part) => part.norm === norm && isMinimumNorm(part) && !isBlackBox(part)).map(({ name }) => name);
  const name = `an attack searched for the nearest misclassified image, ${norm}`;
  return searching.length > 0
    ? ofReport(name, true, `${searching.join('; ')}. An image broken at one radius is broken at every larger one`)
    : ofReport(name, null, 'not run: attacks at fixed radii alone may miss images that a larger radius would have to include');
}

function largerRadiusFindsMore(family: Family): Check {
  const { attack, norm, protocol, members } = family;
  const falls = fallsOf(family).map(
    ({ eps, than, lost, gained, images }) =>
      `radius ${radiusText(eps)} (of ${images} images, ${lost} broken at radius ${radiusText(than)} are not broken and ${gained} others are)`,
  );
  const ends = [members[0], members.at(-1)].map((member) => radiusText(member?.eps as number));
  const range = `${members.length} radii, ${ends.join(' to ')}`;
  const detail = falls.length === 0 ? range : `FAILED at ${falls.join('; ')}`;
  return ofAttack(`a larger radius never finds less: ${attack}, ${norm} (${protocol})`, falls.length === 0, detail);
}

/** Compares a part that repeats another one with twice the steps to that one; no checks for other parts. */
function twiceTheSteps(twice: MeasuredPart, parts: readonly MeasuredPart[], radii: Radii): Check[] {
  const once = parts.find(({ protocol, name }) => protocol === twice.protocol && name === twice.descriptor.twiceTheStepsOf);
  if (!once) return [];
  const { norm } = once;
  const comparisons =
    isMinimumNorm(once) && norm
      ? radii[norm].map((radius) => compareAttacks(brokenAt(once, radius), brokenAt(twice, radius)))
      : [comparePartsByImage(once, twice)];
  const byGain = comparisons.toSorted((a, b) => a.gained - a.lost - (b.gained - b.lost));
  const [least, most] = [byGain[0], byGain.at(-1)] as [(typeof byGain)[number], (typeof byGain)[number]];
  const gain = most.gained - most.lost;
  return [
    ofAttack(
      `more steps never find less: ${once.name}`,
      !comparisons.some(({ less }) => less),
      `of ${least.images} images, twice the steps lose ${least.lost} and gain ${least.gained}`,
    ),
    ofAttack(
      `the steps are enough: ${once.name}`,
      gain <= Math.max(1, 0.02 * most.images),
      `twice the steps break ${gain} more of ${most.images} images`,
    ),
  ];
}

/** Says of each image whether an attack that searches for the nearest broken image breaks it within the radius. */
function brokenAt(part: MeasuredPart, radius: number): Map<number, boolean> {
  const smallest = smallestPerturbations([part]);
  return new Map([...imagesOf([part])].map((image) => [image, isWithinRadius(smallest.get(image), radius)]));
}

function unlimitedAttackBreaksAll(parts: readonly MeasuredPart[]): Check {
  const name = 'an attack without a limit breaks every image';
  const counts = parts
    .filter(({ descriptor, outcomes }) => descriptor.unbounded && outcomes.length > 0)
    .map((part) => ({ name: part.name, images: imagesOf([part]).size, broken: smallestPerturbations([part]).size }));
  if (counts.length === 0) return ofReport(name, null, 'not run');
  const details = counts.map(
    ({ name, broken, images }) => `${name}: ${broken} of ${images} images; at least ${100 * UNBOUNDED_SHARE} % are required`,
  );
  return ofReport(
    name,
    counts.every(({ broken, images }) => broken >= UNBOUNDED_SHARE * images),
    details.join('; '),
  );
}

/** Attacks that see less of the model must not find more: then those that see all of it are weaker than they could be. */
function whiteBoxFindsMost(parts: readonly MeasuredPart[], norm: Norm, radii: Radii): Check {
  const name = `white-box attacks find at least as much as black-box and transfer, ${norm}`;
  const own = parts.filter((part) => part.norm === norm);
  const [black, white] = [own.filter(isBlackBox), own.filter((part) => !isBlackBox(part))];
  if (black.length === 0 || white.length === 0)
    return ofReport(name, null, `not run: no ${black.length === 0 ? 'black-box or transfer' : 'white-box'} attack`);
  const whiteImages = imagesOfUnion(white);
  const byWhite = smallestPerturbations(white);
  const brokenByBlackAlone = new Set<number>();
  const beaten: string[] = [];
  for (const part of black) {
    const images = [...imagesOf([part]).intersection(whiteImages)];
    const byBlack = smallestPerturbations([part]);
    for (const radius of new Set([...radii[norm], ...(part.eps === null ? [] : [part.eps])])) {
      const [blackCount, whiteCount] = [byBlack, byWhite].map((smallest) => countBroken(smallest, images, radius)) as [number, number];
      if (blackCount > whiteCount)
        beaten.push(
          `${part.name} breaks ${blackCount} of ${images.length} images within ${radiusText(radius)}, all white-box attacks ${whiteCount}`,
        );
      for (const image of images)
        if (isWithinRadius(byBlack.get(image), radius) && !isWithinRadius(byWhite.get(image), radius)) brokenByBlackAlone.add(image);
    }
  }
  const detail = beaten.join('; ') || `${black.length} black-box or transfer attacks`;
  return ofReport(name, beaten.length === 0, `${detail}; at some radius broken by those alone: ${brokenByBlackAlone.size} images`);
}

/** Checks that gradients point somewhere and that attacks ran long enough. Without records neither check is run. */
export function gradientChecks(records: readonly GradientCheck[] | null): Check[] {
  const [usable, converged] = ['gradients are finite and not zero', 'the attack has converged'] as const;
  if (!records || records.length === 0)
    return [usable, converged].map((name) => ofReport(name, null, 'not run: no gradients were recorded'));
  const count = (holds: (record: GradientCheck) => boolean) => records.filter(holds).length;
  const useful = count(({ finite, nonZero }) => finite && nonZero);
  const { low, high } = rate(useful, records.length);
  const passed = useful >= LEAST_USABLE * records.length;
  const ended = count(hasConverged);
  return [
    ofReport(
      usable,
      passed,
      `${useful} of ${records.length} images (95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %); ` +
        `${count(({ nonZero }) => !nonZero)} zero, ${count(({ finite }) => !finite)} not finite` +
        (passed ? '' : '. MASKED GRADIENT: what attacks by these gradients do not find proves nothing'),
    ),
    ofReport(
      converged,
      ended >= LEAST_CONVERGED * records.length,
      `on ${ended} of ${records.length} images it succeeds, or descends less than ${100 * MOST_LATE_DESCENT} % of the way in the ` +
        `second half of its steps; at least ${100 * LEAST_CONVERGED} % are required`,
    ),
  ];
}

function hasConverged({ lossStart, lossAtHalf, lossEnd }: GradientCheck): boolean {
  if (lossStart === null || lossAtHalf === null || lossEnd === null) return false;
  return lossEnd <= 0 || lossAtHalf - lossEnd <= MOST_LATE_DESCENT * (lossStart - lossEnd);
}
