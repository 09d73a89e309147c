import { NORMS, type Norm } from '../../attacks/ball.ts';
import { isBeside } from '../bundles-beside.ts';
import { RADII } from '../protocols/adaptive.ts';
import { brokenWithin, imagesIn, leastRadii, within } from './broken-radii.ts';
import { fallsOf, families } from './curves.ts';
import { compared, findsLess } from './finds-less.ts';
import { type GradientCheck, gradientChecks } from './gradient-checks.ts';
import { isBlackBox, isMinimumNorm, isUnbounded, type MeasuredPart, TWICE } from './measured-parts.ts';
import type { Check } from './report-schema.ts';
import { imagesOfUnion } from './worst.ts';

/** Of the images: what an attack without bounds must find. */
const UNBOUNDED = 0.99;

/**
 * What has to hold of attacks that are as strong as they are said to be. A check `of` the report that fails says that its figures can't be
 * believed; one of an attack marks that attack, whose figure then proves nothing, while the union of all still holds.
 */
export function sanityOf(all: readonly MeasuredPart[], gradients: readonly GradientCheck[] | null): Check[] {
  const parts = all.filter((part) => !isBeside(part));
  return [
    complete(all),
    ...NORMS.map((norm) => neverFalls(parts, norm)),
    ...families(parts).map((family): Check => {
      const falls = fallsOf(family);
      return {
        name: `larger eps never helps the defender: ${family.attack}, ${family.norm} (${family.protocol})`,
        ...{ of: 'attack', passed: falls.length === 0 },
        detail:
          falls.length === 0
            ? `${family.members.length} radii, ${family.members[0]?.eps} to ${family.members.at(-1)?.eps}`
            : `FAILED at ${falls.map(({ eps, than, lost, gained, images }) => `eps ${eps} (of ${images} images ${lost} that eps ${than} broke are not broken, ${gained} others are)`).join('; ')}`,
      };
    }),
    ...twice(parts),
    unbounded(parts),
    ...NORMS.map((norm) => whiteAtLeastBlack(parts, norm)),
    ...gradientChecks(gradients),
  ];
}

function complete(parts: readonly MeasuredPart[]): Check {
  const missing = parts.map((part) => ({ part, missing: part.asked - imagesIn([part]).size })).filter((part) => part.missing > 0);
  return {
    ...{ name: 'all images were measured', of: 'report', passed: missing.length === 0 },
    detail:
      missing.length === 0
        ? `${parts.length} parts`
        : missing.map(({ part, missing: count }) => `${part.name} (${part.protocol}): ${count} of ${part.asked} are missing`).join('; '),
  };
}

/** The union of a norm rests on an attack whose curve rises by construction. */
function neverFalls(parts: readonly MeasuredPart[], norm: Norm): Check {
  const nearest = parts.filter((part) => part.norm === norm && isMinimumNorm(part) && !isBlackBox(part));
  return {
    ...{ name: `some attack can't fall with eps, ${norm}`, of: 'report', passed: nearest.length > 0 ? true : null },
    detail:
      nearest.length > 0
        ? `${nearest.map(({ name }) => name).join('; ')}: broken at a radius is broken above it`
        : 'not run: no attack looks for the nearest image that is accepted as a wrong class',
  };
}

function twice(parts: readonly MeasuredPart[]): Check[] {
  return parts
    .filter(({ name }) => name.includes(TWICE))
    .flatMap((more): Check[] => {
      const once = parts.find(({ protocol, name }) => protocol === more.protocol && name === more.name.replace(TWICE, ''));
      if (!once) return [];
      const { norm } = once;
      const found = isMinimumNorm(once) && norm ? RADII[norm].map((eps) => atRadius(once, more, eps)) : [findsLess(once, more)];
      const worst = found.reduce((a, b) => (b.lost - b.gained > a.lost - a.gained ? b : a));
      const most = found.reduce((a, b) => (b.gained - b.lost > a.gained - a.lost ? b : a));
      const gain = most.gained - most.lost;
      const base = { of: 'attack' as const };
      return [
        {
          ...{ ...base, name: `more steps never help the defender: ${once.name}`, passed: !found.some(({ less }) => less) },
          detail: `of ${worst.images} images ${worst.lost} are lost and ${worst.gained} gained by twice the steps`,
        },
        {
          ...{ ...base, name: `steps suffice: ${once.name}`, passed: gain <= Math.max(1, 0.02 * most.images) },
          detail: `twice the steps break ${gain} more of ${most.images} images`,
        },
      ];
    });
}

/** Two attacks that look for the nearest image, at one radius. */
function atRadius(once: MeasuredPart, more: MeasuredPart, eps: number) {
  const broken = (part: MeasuredPart) => {
    const least = leastRadii([part]);
    return new Map([...imagesIn([part])].map((image) => [image, within(least.get(image) ?? Number.POSITIVE_INFINITY, eps)]));
  };
  return compared(broken(once), broken(more));
}

function unbounded(parts: readonly MeasuredPart[]): Check {
  const name = 'unbounded eps breaks all';
  const own = parts.filter((part) => isUnbounded(part) && part.outcomes.length > 0);
  if (own.length === 0) return { name, of: 'report', passed: null, detail: 'not run' };
  const counts = own.map((part) => ({ part, images: imagesIn([part]).size, broken: leastRadii([part]).size }));
  return {
    ...{ name, of: 'report', passed: counts.every(({ broken, images }) => broken >= UNBOUNDED * images) },
    detail: counts.map(({ part, broken, images }) => `${part.name}: ${broken} of ${images} images; ${100 * UNBOUNDED} % must`).join('; '),
  };
}

function whiteAtLeastBlack(parts: readonly MeasuredPart[], norm: Norm): Check {
  const name = `white-box is at least as strong as black-box and transfer, ${norm}`;
  const own = parts.filter((part) => part.norm === norm);
  const [black, white] = [own.filter(isBlackBox), own.filter((part) => !isBlackBox(part))];
  if (black.length === 0 || white.length === 0) {
    const missing = black.length === 0 ? 'black-box or transfer' : 'white-box';
    return { name, of: 'report', passed: null, detail: `not run: no ${missing} attack` };
  }
  const inWhite = imagesOfUnion(white);
  const least = leastRadii(white);
  const alone = new Set<number>();
  const beaten: string[] = [];
  for (const part of black) {
    const images = [...imagesIn([part])].filter((image) => inWhite.has(image));
    const found = leastRadii([part]);
    for (const eps of new Set([...RADII[norm], ...(part.eps === null ? [] : [part.eps])])) {
      const [theirs, ours] = [brokenWithin(found, images, eps), brokenWithin(least, images, eps)];
      if (theirs > ours)
        beaten.push(`${part.name} breaks ${theirs} of ${images.length} images within ${eps}, all white-box attacks ${ours}`);
      const onlyTheirs = (image: number) =>
        within(found.get(image) ?? Number.POSITIVE_INFINITY, eps) && !within(least.get(image) ?? Number.POSITIVE_INFINITY, eps);
      for (const image of images.filter(onlyTheirs)) alone.add(image);
    }
  }
  return {
    ...{ name, of: 'report', passed: beaten.length === 0 },
    detail: `${beaten.length === 0 ? `${black.length} attacks without gradients` : beaten.join('; ')}; at some radius broken by those alone: ${alone.size} images`,
  };
}
