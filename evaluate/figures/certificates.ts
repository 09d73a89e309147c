import type { Norm } from '../../attacks/steps/projection.ts';
import { rate } from '../../shared/rate.ts';
import { type Outcome, undetected } from '../measure/outcome.ts';
import { radiusText } from '../measure/radius-text.ts';
import { isBlackBox, isMinimumNorm, type MeasuredPart } from './measured-parts.ts';
import { isWithinRadius, smallestPerturbations } from './perturbations.ts';
import type { Certificate, Check } from './report-schema.ts';
import { imagesOfUnion } from './worst.ts';

/** A part with the ball that it proves something of. */
type CertifiedPart = MeasuredPart & { ball: { norm: Norm; radius: number } };

/** Returns the parts that hold certificates. */
export function certifiedParts(parts: readonly MeasuredPart[]): CertifiedPart[] {
  return parts.flatMap((part) => (part.descriptor.certificate ? [{ ...part, ball: part.descriptor.certificate }] : []));
}

/** Some image within the radius may be accepted as a wrong class, for all that is proven. */
const mayBeWrong = ({ possible = [], truth }: Outcome) => possible.some((label) => label !== truth);

/**
 * Counts the images of each certificate that may be accepted as a wrong class. Where attacks that search for the nearest such image were
 * run on the same images, it also counts how many of those are found and proven: the share that the strongest attack reaches is between.
 */
export function certificatesOf(parts: readonly MeasuredPart[]): Certificate[] {
  return certifiedParts(parts).map(({ protocol, name, about, ball, outcomes }) => {
    const open = outcomes.filter(mayBeWrong);
    const safe = outcomes.filter((outcome) => !mayBeWrong(outcome));
    const withstood = safe.filter(({ accepted }) => accepted).length;
    return {
      ...{ protocol, name, about, ...ball, images: outcomes.length },
      proven: rate(open.length, outcomes.length),
      ...{ withstood, rejectedClean: safe.length - withstood },
      attacked: attackedToo(outcomes, attacksOf(parts, ball.norm, outcomes), ball.radius),
    };
  });
}

function attackedToo(outcomes: readonly Outcome[], attacks: readonly MeasuredPart[], radius: number): Certificate['attacked'] {
  if (!attacks.some((part) => isMinimumNorm(part) && !isBlackBox(part))) return null;
  const union = imagesOfUnion(attacks);
  const shared = outcomes.filter(({ image }) => union.has(image));
  const smallest = smallestPerturbations(attacks);
  const isFound = (outcome: Outcome) => undetected(outcome) || isWithinRadius(smallest.get(outcome.image), radius);
  return { found: rate(shared.filter(isFound).length, shared.length), proven: rate(shared.filter(mayBeWrong).length, shared.length) };
}

/** Returns the attacks in a norm that began with the images of these outcomes, as far as the classes can tell. */
function attacksOf(parts: readonly MeasuredPart[], norm: Norm, outcomes: readonly Outcome[]): MeasuredPart[] {
  const truths = new Map(outcomes.map(({ image, truth }) => [image, truth]));
  return parts.filter(
    (part) =>
      part.descriptor.images === 'attacked' &&
      part.outcomes.some((outcome) => outcome.norm === norm) &&
      part.outcomes.every(({ image, truth }) => (truths.get(image) ?? truth) === truth),
  );
}

/** Checks that no attack found an image within the radius that is accepted as a class which the certificate excludes: that is a bug. */
export function certificateHolds(part: CertifiedPart, parts: readonly MeasuredPart[]): Check {
  const { ball, outcomes } = part;
  const name = `no attack finds what is proven impossible: ${ball.norm} ${radiusText(ball.radius)}`;
  const possible = new Map(outcomes.map((outcome) => [outcome.image, outcome.possible ?? []]));
  let tried = 0;
  const refuted = [part, ...attacksOf(parts, ball.norm, outcomes)].flatMap((attack) =>
    attack.outcomes.filter(({ image, accepted, norm, radius, eps, label }) => {
      const size = attack === part ? 0 : (radius ?? eps ?? undefined);
      if (!accepted || norm !== ball.norm || !possible.has(image) || !isWithinRadius(size, ball.radius)) return false;
      if (attack !== part) tried++;
      return !possible.get(image)?.includes(label);
    }),
  );
  const said = refuted.slice(0, 5).map(({ attack, image, label }) => `image ${image}, accepted as class ${label} (${attack})`);
  const detail = refuted.length > 0 ? `REFUTED by ${said.join('; ')}. A proof is wrong: report it` : `${tried} accepted images of attacks`;
  return { name, of: 'report', passed: refuted.length > 0 ? false : tried > 0 ? true : null, detail };
}
