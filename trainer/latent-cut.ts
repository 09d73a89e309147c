import { deviationsOf } from './covariances.ts';
import type { Calibrated } from './run.ts';
import type { RunConfig } from './run-config.ts';

/** A cut beyond this share of the margin is near it. */
const NEAR = 0.9;
/** Names listed in a note. */
const LISTED = 5;

/**
 * Warns where the latent test can't keep out what the training pushed away: outliers were moved to the margin's squared distance from every
 * mean, and the threshold of a class lies near that distance or beyond it. A latent's squared distance there differs by direction
 * unless the covariance is spherical; it is averaged.
 *
 * @returns one note, or none
 */
export function notesOnCut(
  {
    classes,
    training: { outliers, outlierLoss },
  }: Pick<RunConfig, 'classes'> & { training: Pick<RunConfig['training'], 'outliers' | 'outlierLoss'> },
  { means, covariances, thresholds }: Pick<Calibrated, 'means' | 'covariances' | 'thresholds'>,
): string[] {
  if (outliers === 0 || outlierLoss.kind !== 'margin') return [];
  const { margin } = outlierLoss;
  const cuts = classes.map((name, y) => {
    const deviations = deviationsOf(covariances, y, means[y]?.length as number);
    const variance = deviations.reduce((sum, deviation) => sum + deviation ** 2, 0) / deviations.length;
    return { name, cut: variance * (thresholds.maxLatentDistance[y] as number) };
  });
  const near = cuts.filter(({ cut }) => cut >= NEAR * margin).sort((a, b) => b.cut - a.cut);
  if (near.length === 0) return [];
  const names = near.slice(0, LISTED).map(({ name, cut }) => `${name} ${cut.toFixed(2)}`);
  return [
    `the latent test of ${near.length} of ${classes.length} classes accepts up to the distance that unknown images were moved to ` +
      `(${margin}): ${names.join(', ')}${near.length > LISTED ? ', …' : ''}. Nearly every unknown image would pass it there. ` +
      'Train longer, on more images of these classes, or with --outlier-loss origin.',
  ];
}
