import type { Preprocess, Screening } from '../../../shared/bundle/screening-schema.ts';
import { rgbOf } from '../../../shared/images/opaque.ts';
import type { PreprocessChoice } from '../dataset.ts';
import { type ChosenPreprocess, choosePreprocess } from './choose-preprocess.ts';
import { counted, type Fault, faultsOf } from './fault.ts';
import type { LabelledFile } from './labels.ts';
import { type HeaderFacts, readHeaders, samplePixels } from './survey.ts';

/** Share of the variance of the aspect ratios that lies between the classes, from which on they tell the classes apart. */
const TELLING = 0.5;
/** Variance of the ratios' logarithms below which they are about one. */
const SPREAD = 1e-3;

/**
 * Chooses how a folder's images are preprocessed.
 *
 * @returns also what the owner should know about sizes, aspect ratios and transparency
 */
export async function surveyFolder(
  directory: string,
  entries: readonly LabelledFile[],
  input: Screening['input'],
  choice: PreprocessChoice,
): Promise<ChosenPreprocess & { faults: Fault[] }> {
  const headers = await readHeaders(directory, entries);
  const pixels = await samplePixels(directory, entries);
  const chosen = choosePreprocess(headers, pixels, choice);
  const { rules, why } = chosen;
  // Many programs write an alpha channel that is opaque throughout.
  const clear = pixels.some(({ isTransparent }) => isTransparent) ? headers.filter(({ mayBeTransparent }) => mayBeTransparent).length : 0;
  const small = headers.filter(({ width, height }) => width < input.width && height < input.height).length;
  const telling = shareBetweenClasses(headers);
  const sizes = headers.toSorted((a, b) => a.width * a.height - b.width * b.height).map(({ width, height }) => `${width} x ${height}`);
  const isTold = telling >= TELLING && rules.fit === 'contain' && choice.fit === 'contain';
  const faults = faultsOf([
    [headers.length, 'note', `preprocessing: ${rulesText(rules)}${why ? ` (${why})` : ''}`],
    [
      isTold,
      'warning',
      `the aspect ratio tells the classes apart (${Math.round(100 * telling)} % of its variance), and --fit contain shows it by padding`,
      'Use --fit cover or stretch, unless clients crop their images as you did',
    ],
    [new Set(sizes).size > 1, 'note', `sizes differ: ${sizes[0]} to ${sizes.at(-1)}`],
    [small, 'note', `${counted(small, 'image')} smaller than the model's input, and enlarged`],
    [clear, 'note', `${counted(clear, 'image')} with transparency, shown over ${colourText(rules.background)}`],
  ]);
  return { ...chosen, faults };
}

const rulesText = ({ fit, background, polarity }: Preprocess) =>
  `--fit ${fit} --background ${colourText(background)} --polarity ${polarity}`;

/** Writes a background as the option takes it. */
function colourText(background: Preprocess['background']): string {
  const hex = rgbOf(background)
    .map((level) => level.toString(16).padStart(2, '0'))
    .join('');
  return { '000000': 'black', ffffff: 'white' }[hex] ?? `#${hex}`;
}

/** Returns the share of the variance of the aspect ratios' logarithms that lies between classes, 0 to 1. */
function shareBetweenClasses(headers: readonly HeaderFacts[]): number {
  const ratio = ({ width, height }: HeaderFacts) => Math.log(width / height);
  const meanOf = (values: readonly HeaderFacts[]) => values.reduce((sum, one) => sum + ratio(one), 0) / values.length;
  const mean = meanOf(headers);
  let [between, total] = [0, 0];
  for (const own of Map.groupBy(headers, ({ label }) => label).values()) between += own.length * (meanOf(own) - mean) ** 2;
  for (const one of headers) total += (ratio(one) - mean) ** 2;
  return total > SPREAD * headers.length ? between / total : 0;
}
