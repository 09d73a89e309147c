import { rate } from '../rate.ts';
import type { ClassCounts, Figures, Kind } from './fitness-figures.ts';
import { against, capitalised, limit, listed, percent, share, unmeasured } from './fitness-reasons.ts';
import type { Reason } from './fitness-schema.ts';
import { classesLeftOut, nonsenseImages, unknownImages } from './fitness-unknown.ts';

/**
 * More than one wrong label in ten accepted images means that the classes are not told apart, so that images are held against the
 * thresholds of another class. It is not less because classes may overlap by nature (Fashion-MNIST's shirts and T-shirts: 9 %).
 */
export const MOST_ERROR = 0.1;
/** Beyond this share of wrong labels the screen may keep other images out, but its label is no classifier's. */
export const LABEL_ERROR = 0.01;
/** A screen without a promise may reject one clean image in ten; one with a promise as many as it promised. */
export const MOST_REJECTED = 0.1;
/** A class of which most images are lost (rejected or accepted as another) is not known to the model. */
export const MOST_CLASS_LOST = 0.5;
/** With 30 images, none of them lost, at most a tenth of a class is lost (95 %); with fewer, nothing useful can be said. */
export const LEAST_CLASS_IMAGES = 30;
/** A reconstruction that leaves more than this of the class mean's error says nothing about an image that its class does not. */
export const MOST_OF_CLASS_MEAN = 0.9;
/** An attack that succeeds more often than this makes the screen useless against who can run it. */
export const MOST_ATTACKED = 0.1;
/** "Rejects nearly everything": under such a condition the screen is as good as off. */
export const NEARLY_EVERYTHING = 0.9;
type Check = (figures: Figures) => Reason[];

/** The checks of a model, each of which gives its reasons. */
export const CHECKS: Check[] = [
  ({ trial }) =>
    trial ? [against('trial', 'It was trained with the preset quick, which is for trying out.', 'Train it with --preset paper.')] : [],
  errorOf,
  falseRejection,
  classLosses,
  smallClasses,
  nonsenseImages,
  unknownImages,
  classesLeftOut,
  reconstructionGain,
  attacked,
  conditionsRejected,
];

function errorOf({ clean }: Figures): Reason[] {
  if (!clean || clean.images === 0)
    return [unmeasured('error', 'No test images were screened with these thresholds.', 'Measure them: pnpm evaluate.')];
  const { low, high } = rate(clean.acceptedWrong, clean.images);
  const what = `${share(clean.acceptedWrong, clean.images)} of the test images are accepted with a wrong class`;
  if (low > MOST_ERROR)
    return [against('error', `${what}; at most ${percent(MOST_ERROR)} may be.`, 'Train longer, or on more images, or check the labels.')];
  if (high > MOST_ERROR)
    return [unmeasured('error', `${what}: too few images to tell whether it is more than ${percent(MOST_ERROR)}.`, 'Add images.')];
  if (low <= LABEL_ERROR) return [];
  return [limit('error', `${what}.`, 'Use it to keep images out; take the class from your own classifier, not from its label.')];
}

function falseRejection({ clean, calibration }: Figures): Reason[] {
  const isPromised = calibration.method === 'conformal';
  const none = isPromised
    ? []
    : [
        limit(
          'false rejection',
          'Its three-sigma thresholds promise no false-rejection rate.',
          'Use --calibration conformal if you need one.',
        ),
      ];
  if (!clean) return none;
  const most = isPromised ? calibration.alpha : MOST_REJECTED;
  if (rate(clean.rejected, clean.images).low <= most) return none;
  const rejected = `${share(clean.rejected, clean.images)} of the test images are rejected; `;
  const todo = isPromised
    ? 'Check that the calibration images are of the same kind as the test images.'
    : 'Set the thresholds with --calibration conformal, or train longer.';
  return [against('false rejection', `${rejected}${percent(most)} ${isPromised ? 'was promised' : 'may be'}.`, todo), ...none];
}

function classLosses({ perClass, calibration }: Figures): Reason[] {
  const lost = (perClass ?? []).map((own) => ({ ...own, count: own.images - own.acceptedRight }));
  const beyond = (bound: number) => lost.filter(({ count, images }) => images > 0 && rate(count, images).low > bound);
  const worstFirst = (classes: typeof lost) => classes.toSorted((a, b) => b.count / b.images - a.count / a.images);
  const said = (classes: typeof lost) =>
    `${classes.length === 1 ? 'A class loses' : `${classes.length} classes lose`} many of ` +
    `${classes.length === 1 ? 'its' : 'their'} test images, rejected or accepted as another: ` +
    `${listed(worstFirst(classes).map(({ name, count, images }) => `${name} ${share(count, images)}`))}.`;
  const [unusable, weak] = [beyond(MOST_CLASS_LOST), beyond(MOST_REJECTED + calibration.alpha)];
  if (unusable.length > 0)
    return [against('classes', said(unusable), 'Add images of these classes, check their labels, or join classes that look alike.')];
  return weak.length > 0 ? [limit('classes', said(weak), 'Add images of these classes, or join classes that look alike.')] : [];
}

function smallClasses({ perClass, clean }: Figures): Reason[] {
  if (clean && !perClass) return [unmeasured('small classes', 'The test images were not counted by class.', 'Count them: pnpm evaluate.')];
  const small = (perClass ?? []).filter(({ images }) => images < LEAST_CLASS_IMAGES);
  if (small.length === 0) return [];
  const sum = (of: (own: ClassCounts) => number) => (perClass ?? []).reduce((total, own) => total + of(own), 0);
  const testShare = sum(({ images }) => images) / sum(({ all = 0 }) => all);
  const needed = ({ name, images, all }: ClassCounts) => {
    const folder = Math.ceil(((all ?? 0) + (LEAST_CLASS_IMAGES - images) / testShare) / 10) * 10;
    return `class ${name}: ${images} test images${all && Number.isFinite(folder) ? ` of ${all}, about ${folder} are needed` : ''}`;
  };
  return [
    unmeasured(
      'small classes',
      `${small.length} of ${perClass?.length} classes have fewer than ${LEAST_CLASS_IMAGES} test images, too few to judge them.`,
      `Add images. ${capitalised(listed(small.map(needed), '; '))}.`,
    ),
  ];
}

function reconstructionGain({ reconstruction }: Figures): Reason[] {
  const of = 'reconstruction';
  if (!reconstruction)
    return [
      unmeasured(
        of,
        'Reconstructions were not compared with the mean image of the class.',
        'Train again, or calibrate the run: pnpm calibrate.',
      ),
    ];
  const left = reconstruction.own / reconstruction.classMean;
  if (left <= MOST_OF_CLASS_MEAN) return [];
  return [
    against(
      of,
      `This method does not fit these images: their reconstructions have ${percent(left)} of the error of the class's mean image; ` +
        `at most ${percent(MOST_OF_CLASS_MEAN)} is allowed.`,
      'Use it only to keep nonsense out. Train longer, with a larger --latent, or crop the images to what tells the classes apart.',
    ),
  ];
}

function attacked({ attacks }: Figures): Reason[] {
  const todo = 'Do not rely on it against an attacker who has the weights.';
  const strong = attacks.filter(({ images }) => images > 0);
  if (strong.length === 0)
    return [
      limit(
        'attacks',
        'No attack that knows both tests was run; as published, the method does not withstand one.',
        `${todo} pnpm evaluate --protocol adaptive measures it.`,
      ),
    ];
  const successful = strong.filter(({ accepted, images }) => rate(accepted, images).high > MOST_ATTACKED);
  if (successful.length === 0) return [];
  // Of each norm, the smallest radius at which most images fall.
  const norms = [...Map.groupBy(successful, ({ name }) => name.replace(/ [\d./]+$/, '')).values()];
  const said = norms
    .map((radii) => (radii.find(({ accepted, images }) => 2 * accepted >= images) ?? radii.at(-1)) as Kind)
    .map(({ name, accepted, images }) => `${name} ${share(accepted, images)}`);
  return [limit('attacks', `Attacks that know both tests get images accepted as a wrong class: ${listed(said)}.`, todo)];
}

function conditionsRejected({ conditions }: Figures): Reason[] {
  const rejected = conditions.filter((own) => own.images > 0 && own.rejected >= NEARLY_EVERYTHING * own.images);
  // Of each condition, the mildest: the kinds come in order of severity.
  const mildest = [...Map.groupBy(rejected, ({ name }) => name.replace(/, severity \d+$/, '')).values()].map(
    ([first]) => first as (typeof rejected)[number],
  );
  if (mildest.length === 0) return [];
  const said = listed(
    mildest.map(({ name, images, rejected: count }) => `${name} ${share(count, images)}`),
    '; ',
  );
  return [
    limit(
      'conditions',
      `Nearly all images are rejected under these conditions and worse ones: ${said}.`,
      'Keep the conditions as they were in training.',
    ),
  ];
}
