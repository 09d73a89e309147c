import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Outcomes } from '../outcomes.ts';

/** Says whether a model is fit to deploy, and gives every reason against it. */
export interface FitToDeploy {
  fit: boolean;
  reasons: string[];
}

/** Largest share of the test images that may be accepted with a wrong class. */
const MOST_ERROR = 0.01;
/** Largest share of the test images of a class that may be rejected, or accepted with a wrong class. */
const MOST_LOST = 0.1;
/** With fewer test images, nothing can be said about a class. */
const LEAST_IMAGES = 30;

/**
 * Judges a calibrated model by its clean test images.
 *
 * @param outcomes on the test split
 * @param perClass the same, by true class
 */
export function fitToDeploy(
  outcomes: Outcomes,
  perClass: { name: string; outcomes: Outcomes }[],
  calibration: Screening['calibration'],
): FitToDeploy {
  const reasons: string[] = [];
  const share = (count: number, of: number) => `${((100 * count) / of).toFixed(2)} %`;
  const { images, acceptedWrong, rejected } = outcomes;
  if (acceptedWrong > MOST_ERROR * images)
    reasons.push(
      `${share(acceptedWrong, images)} of the test images are accepted with a wrong class; at most ${100 * MOST_ERROR} % should be. ` +
        'Train longer, or on more images.',
    );
  // Two standard deviations of the sampling noise of the test split.
  const noise = 2 * Math.sqrt((calibration.alpha * (1 - calibration.alpha)) / images);
  if (rejected > (calibration.alpha + noise) * images)
    reasons.push(
      `${share(rejected, images)} of the test images are rejected, more than the ${100 * calibration.alpha} % that calibration aims at. ` +
        'Check that test and calibration images are of the same kind.',
    );
  if (calibration.method !== 'conformal') reasons.push('The thresholds guarantee no false-rejection rate, as they are not conformal.');
  const few = perClass.filter(({ outcomes: own }) => own.images < LEAST_IMAGES).map(({ name }) => name);
  if (few.length > 0)
    reasons.push(
      `${few.length} of ${perClass.length} classes have fewer than ${LEAST_IMAGES} test images (${few.slice(0, 5).join(', ')}` +
        `${few.length > 5 ? ', …' : ''}), too few to judge them. Add images.`,
    );
  for (const { name, outcomes: own } of perClass) {
    const lost = own.images - own.acceptedRight;
    if (own.images >= LEAST_IMAGES && lost > MOST_LOST * own.images)
      reasons.push(`Class ${name}: ${share(lost, own.images)} of its test images are rejected or accepted with a wrong class.`);
  }
  const fit = reasons.length === 0;
  reasons.push(
    'Attacks are not measured here: pnpm evaluate does that. The method as published does not withstand an attacker who knows it.',
  );
  return { fit, reasons };
}
