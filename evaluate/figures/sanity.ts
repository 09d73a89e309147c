import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import type { GradientCheck } from '../measure/outcome.ts';
import { RADII } from '../measure/outcome.ts';
import { comparePartsByImage, type Family, fallsOf, families } from './curves.ts';
import { gradientChecks } from './gradient-checks.ts';
import { isBlackBox, isMinimumNorm, isOfOtherBundle, isTwice, isUnbounded, type MeasuredPart } from './measured-parts.ts';
import { countBroken, imagesOf, isWithinRadius, smallestPerturbations } from './perturbations.ts';
import type { Check } from './report-schema.ts';
import { compareAttacks } from './statistics.ts';
import { imagesOfUnion } from './worst.ts';

/** Share of the images that an attack without a limit must break. */
const UNBOUNDED_SHARE = 0.99;

/**
 * Checks what must hold of attacks that are as strong as they claim to be. Where a check `of` the report fails, its figures cannot be
 * trusted. Where a check of an attack fails, that attack's own figures prove nothing, while the union of all attacks still holds.
 */
export function sanityOf(all: readonly MeasuredPart[], gradients: readonly GradientCheck[] | null): Check[] {
  const parts = all.filter((part) => !isOfOtherBundle(part));
  return [
    everyImageMeasured(all),
    ...NORMS.map((norm) => nearestImageSearched(parts, norm)),
    ...families(parts).map(largerRadiusFindsMore),
    ...parts.filter(isTwice).flatMap((twice) => twiceTheSteps(twice, parts)),
    unlimitedAttackBreaksAll(parts),
    ...NORMS.map((norm) => whiteBoxFindsMost(parts, norm)),
    ...gradientChecks(gradients),
  ];
}

function everyImageMeasured(parts: readonly MeasuredPart[]): Check {
  const incomplete = parts
    .map(({ name, protocol, asked, outcomes }) => ({
      ...{ name, protocol, asked },
      missing: asked - new Set(outcomes.map(({ image }) => image)).size,
    }))
    .filter(({ missing }) => missing > 0);
  const list = incomplete.map(({ name, protocol, asked, missing }) => `${name} (${protocol}): ${missing} of ${asked} are missing`);
  return {
    ...{ name: 'every image was measured', of: 'report', passed: incomplete.length === 0 },
    detail: incomplete.length === 0 ? `${parts.length} parts` : list.join('; '),
  };
}

/** The union of a norm rests on an attack that finds more as the radius grows by its very construction. */
function nearestImageSearched(parts: readonly MeasuredPart[], norm: Norm): Check {
  const searching = parts.filter((part) => part.norm === norm && isMinimumNorm(part) && !isBlackBox(part));
  return {
    ...{ name: `an attack searched for the nearest misclassified image, ${norm}`, of: 'report', passed: searching.length > 0 || null },
    detail:
      searching.length > 0
        ? `${searching.map(({ name }) => name).join('; ')}. An image broken at one radius is broken at every larger one`
        : 'not run: attacks at fixed radii alone may miss images that a larger radius would have to include',
  };
}

function largerRadiusFindsMore(family: Family): Check {
  const falls = fallsOf(family).map(
    ({ eps, than, lost, gained, images }) =>
      `radius ${eps} (of ${images} images, ${lost} broken at radius ${than} are not broken and ${gained} others are)`,
  );
  const { attack, norm, protocol, members } = family;
  return {
    name: `a larger radius never finds less: ${attack}, ${norm} (${protocol})`,
    ...{ of: 'attack', passed: falls.length === 0 },
    detail: falls.length === 0 ? `${members.length} radii, ${members[0]?.eps} to ${members.at(-1)?.eps}` : `FAILED at ${falls.join('; ')}`,
  };
}

function twiceTheSteps(twice: MeasuredPart, parts: readonly MeasuredPart[]): Check[] {
  const once = parts.find(({ protocol, name }) => protocol === twice.protocol && name === twice.descriptor.twiceTheStepsOf);
  if (!once) return [];
  const { norm } = once;
  const comparisons =
    isMinimumNorm(once) && norm
      ? RADII[norm].map((radius) => compareAttacks(brokenAt(once, radius), brokenAt(twice, radius)))
      : [comparePartsByImage(once, twice)];
  const mostLost = comparisons.reduce((a, b) => (b.lost - b.gained > a.lost - a.gained ? b : a));
  const mostGained = comparisons.reduce((a, b) => (b.gained - b.lost > a.gained - a.lost ? b : a));
  const gain = mostGained.gained - mostGained.lost;
  return [
    {
      ...{ name: `more steps never find less: ${once.name}`, of: 'attack', passed: !comparisons.some(({ less }) => less) },
      detail: `of ${mostLost.images} images, twice the steps lose ${mostLost.lost} and gain ${mostLost.gained}`,
    },
    {
      ...{ name: `the steps are enough: ${once.name}`, of: 'attack', passed: gain <= Math.max(1, 0.02 * mostGained.images) },
      detail: `twice the steps break ${gain} more of ${mostGained.images} images`,
    },
  ];
}

/** Says of each image whether an attack that searches for the nearest broken image breaks it within the radius. */
function brokenAt(part: MeasuredPart, radius: number): Map<number, boolean> {
  const smallest = smallestPerturbations([part]);
  return new Map([...imagesOf([part])].map((image) => [image, isWithinRadius(smallest.get(image), radius)]));
}

function unlimitedAttackBreaksAll(parts: readonly MeasuredPart[]): Check {
  const name = 'an attack without a limit breaks every image';
  const own = parts.filter((part) => isUnbounded(part) && part.outcomes.length > 0);
  if (own.length === 0) return { name, of: 'report', passed: null, detail: 'not run' };
  const counts = own.map((part) => ({ part, images: imagesOf([part]).size, broken: smallestPerturbations([part]).size }));
  return {
    ...{ name, of: 'report', passed: counts.every(({ broken, images }) => broken >= UNBOUNDED_SHARE * images) },
    detail: counts
      .map(({ part, broken, images }) => `${part.name}: ${broken} of ${images} images; at least ${100 * UNBOUNDED_SHARE} % are required`)
      .join('; '),
  };
}

/** Attacks that see less of the model must not find more: then those that see all of it are weaker than they could be. */
function whiteBoxFindsMost(parts: readonly MeasuredPart[], norm: Norm): Check {
  const name = `white-box attacks find at least as much as black-box and transfer, ${norm}`;
  const own = parts.filter((part) => part.norm === norm);
  const [black, white] = [own.filter(isBlackBox), own.filter((part) => !isBlackBox(part))];
  if (black.length === 0 || white.length === 0) {
    const missing = black.length === 0 ? 'black-box or transfer' : 'white-box';
    return { name, of: 'report', passed: null, detail: `not run: no ${missing} attack` };
  }
  const whiteImages = imagesOfUnion(white);
  const byWhite = smallestPerturbations(white);
  const brokenByBlackAlone = new Set<number>();
  const beaten: string[] = [];
  for (const part of black) {
    const images = [...imagesOf([part])].filter((image) => whiteImages.has(image));
    const byBlack = smallestPerturbations([part]);
    for (const radius of new Set([...RADII[norm], ...(part.eps === null ? [] : [part.eps])])) {
      const [blackCount, whiteCount] = [byBlack, byWhite].map((smallest) => countBroken(smallest, images, radius)) as [number, number];
      if (blackCount > whiteCount)
        beaten.push(`${part.name} breaks ${blackCount} of ${images.length} images within ${radius}, all white-box attacks ${whiteCount}`);
      for (const image of images)
        if (isWithinRadius(byBlack.get(image), radius) && !isWithinRadius(byWhite.get(image), radius)) brokenByBlackAlone.add(image);
    }
  }
  return {
    ...{ name, of: 'report', passed: beaten.length === 0 },
    detail:
      `${beaten.length === 0 ? `${black.length} black-box or transfer attacks` : beaten.join('; ')}; ` +
      `at some radius broken by those alone: ${brokenByBlackAlone.size} images`,
  };
}
