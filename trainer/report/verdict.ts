import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Outcomes } from '../outcomes.ts';

/** What a report says first: whether the model is fit to deploy, and every reason why not. */
export interface FitToDeploy {
  fit: boolean;
  reasons: string[];
}

/** Of all test images, accepted with a wrong class: more is a reason not to deploy. */
const MOST_ERROR = 0.01;
/** Of a class with fewer test images nothing can be said. */
const LEAST_IMAGES = 30;

/**
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
      `${share(acceptedWrong, images)} of the test images are accepted with a wrong class; ${100 * MOST_ERROR} % is the most that should be. Train longer, or on more images.`,
    );
  // Two standard deviations of the test's own noise.
  const noise = 2 * Math.sqrt((calibration.alpha * (1 - calibration.alpha)) / images);
  if (rejected > (calibration.alpha + noise) * images)
    reasons.push(
      `${share(rejected, images)} of the test images are rejected, more than the ${100 * calibration.alpha} % that calibration is for. Are the test images of another kind than the calibration images?`,
    );
  if (calibration.method !== 'conformal') reasons.push('The thresholds promise no false-rejection rate: they are not conformal.');
  const few = perClass.filter(({ outcomes: own }) => own.images < LEAST_IMAGES).map(({ name }) => name);
  if (few.length > 0)
    reasons.push(
      `${few.length} of ${perClass.length} classes have fewer than ${LEAST_IMAGES} test images (${few.slice(0, 5).join(', ')}${few.length > 5 ? ', …' : ''}): nothing can be said of them. Add images.`,
    );
  for (const { name, outcomes: own } of perClass) {
    const lost = own.images - own.acceptedRight;
    if (own.images >= LEAST_IMAGES && lost > 0.1 * own.images)
      reasons.push(`Class ${name}: ${share(lost, own.images)} of its test images are not accepted rightly.`);
  }
  reasons.push(
    'Nothing is known here of attacks: pnpm evaluate measures FGSM; as published, the method does not withstand an adaptive attack.',
  );
  return { fit: reasons.length === 1, reasons };
}
