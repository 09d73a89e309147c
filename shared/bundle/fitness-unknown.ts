import { rate } from '../rate.ts';
import type { Figures, Kind } from './fitness-figures.ts';
import { against, limit, listed, percent, share, unmeasured } from './fitness-reasons.ts';
import type { Reason } from './fitness-schema.ts';

/** Nonsense is what a broken camera or an empty tray sends, many times over: one in fifty is too many. */
export const MOST_NONSENSE = 0.02;
/** If more than one unknown image in five gets in, a few tries are enough to get in. */
export const MOST_UNKNOWN = 0.2;
/** One kind of unknown image says little about another: `models/mnist` accepts 0.3 % of Fashion-MNIST but 31 % of printed capitals. */
export const LEAST_KINDS = 2;

/** Gives reasons where nonsense gets in, or was not measured. */
export const nonsenseImages = ({ nonsense }: Figures): Reason[] =>
  kindsGettingIn('nonsense', nonsense, MOST_NONSENSE, 'Train longer, with --outliers.') ?? [
    unmeasured('nonsense', 'Noise, blank pages and other nonsense were not screened.', 'Measure them: pnpm evaluate.'),
  ];

/** Returns what speaks against kinds of images that must be rejected; null if none was measured. */
function kindsGettingIn(of: Reason['of'], kinds: readonly Kind[], most: number, todo: string): Reason[] | null {
  const measured = kinds.filter(({ images }) => images > 0);
  if (measured.length === 0) return null;
  const bad = measured.filter(({ accepted, images }) => rate(accepted, images).low > most);
  const doubtful = measured.filter((kind) => !bad.includes(kind) && rate(kind.accepted, kind.images).high > most);
  return [
    ...(bad.length > 0 ? [against(of, `Unknown images are accepted: ${kindsSaid(bad)}; at most ${percent(most)} may be.`, todo)] : []),
    ...(doubtful.length > 0
      ? [
          unmeasured(
            of,
            `Too few images to tell whether more than ${percent(most)} get in: ${kindsSaid(doubtful)}.`,
            'Measure more of them.',
          ),
        ]
      : []),
  ];
}

/** Lists kinds with their shares, the one that gets in most often first. */
function kindsSaid(kinds: readonly Kind[]): string {
  const worstFirst = kinds.toSorted((a, b) => b.accepted / b.images - a.accepted / a.images);
  return listed(
    worstFirst.map(({ name, accepted, images }) => `${name} ${share(accepted, images)}`),
    '; ',
  );
}

/** Gives reasons where unknown images get in, or too few kinds of them were measured. */
export function unknownImages({ unknown }: Figures): Reason[] {
  const todo = 'Measure some: pnpm evaluate --unknown images --unknown-dir FOLDER, a folder of images that belong to none of your classes.';
  const isNew = ({ trainedOn = false, images }: Kind) => !trainedOn && images > 0;
  const found = kindsGettingIn('unknown images', unknown, MOST_UNKNOWN, 'Train with such images: --unknown-dir FOLDER.') ?? [];
  const fresh = unknown.filter(isNew);
  if (fresh.length >= LEAST_KINDS) return found;
  const [only] = fresh;
  const measured = unknown.length > 0 ? 'was measured only for kinds that it was trained on' : 'was not measured';
  const what = only
    ? `Only one kind of unknown images was measured: ${only.name}, ${share(only.accepted, only.images)} accepted. ` +
      'Others may get in far more often.'
    : `The share of unknown images that is accepted ${measured}.`;
  return [...found, unmeasured('unknown images', what, todo)];
}

/**
 * Gives a reason where a small model accepts classes that it was trained without. It is a limit, never a reason against: that model is
 * worse than the one that is judged. Nor does it replace unknown images that were measured; bundles without it are judged as before.
 */
export function classesLeftOut({ leftOut }: Figures): Reason[] {
  const bad = leftOut.filter(({ accepted, images }) => images > 0 && rate(accepted, images).low > MOST_UNKNOWN);
  if (bad.length === 0) return [];
  return [
    limit(
      'unknown images',
      `Objects like yours, but of no class, may be accepted: ${kindsSaid(bad)}. Your model may accept less, as it is trained for longer.`,
      'If there are such objects, train with images of them: --unknown-dir FOLDER.',
    ),
  ];
}
