import type { Norm } from '../../attacks/ball.ts';
import { imagesIn, leastRadii } from './broken-radii.ts';
import { isBlackBox, isMinimumNorm, type MeasuredPart } from './measured-parts.ts';
import { brokenOverRadii } from './radius-grid.ts';
import { rate } from './rate.ts';
import type { SecurityCurve } from './report-schema.ts';

/** Of each attack that looks for the nearest image: the share of images that it breaks within each radius. */
export function securityCurves(parts: readonly MeasuredPart[]): SecurityCurve[] {
  return parts.filter(isMinimumNorm).map((part) => {
    const norm = part.norm as Norm;
    const [images, least] = [imagesIn([part]), leastRadii([part])];
    const radii = [...least.values()].sort((a, b) => a - b);
    return {
      ...{ protocol: part.protocol, part: part.name, norm, blackBox: isBlackBox(part), about: part.about, images: images.size },
      found: rate(least.size, images.size),
      medianRadius: radii[radii.length >> 1] ?? null,
      curve: brokenOverRadii(least, images, norm),
    };
  });
}
