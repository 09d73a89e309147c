import type { Preprocess } from '../../../shared/bundle/screening-schema.ts';
import { rgbOf } from '../../../shared/images/opaque.ts';
import { defaultPreprocess } from '../../../shared/images/preprocess.ts';
import type { PreprocessChoice } from '../dataset.ts';
import { areClose, type Colour, type HeaderFacts, medianOf, type PixelFacts } from './survey.ts';

/** The preprocessing for a folder of images, and why it is so. */
export interface ChosenPreprocess {
  rules: Preprocess;
  why: string;
}

/** Aspect ratios are one if their logarithms differ by this much at most, but for a hundredth at either end. */
const [ONE_RATIO, ENDS] = [0.02, 0.01];
/** Most of the images. */
const MOST = 0.9;
/** Covering must show this share of most images. */
const LEAST_SHOWN = 0.5;
const LIGHT = 128;

/**
 * Chooses how images are brought to the model's square input, so that neither padding nor transparency reveals an image's aspect ratio or
 * its class: padding is only used where it continues a plain border, or where all images have it alike.
 */
export function choosePreprocess(
  headers: readonly HeaderFacts[],
  pixels: readonly PixelFacts[],
  choice: PreprocessChoice,
): ChosenPreprocess {
  const ratios = headers.map(({ width, height }) => Math.log(width / height)).sort((a, b) => a - b);
  const at = (share: number) => ratios[Math.round(share * (ratios.length - 1))] ?? 0;
  const isOneRatio = at(1 - ENDS) - at(ENDS) <= ONE_RATIO;
  const range = [at(0), at(1)].map((ratio) => Math.exp(ratio).toFixed(2)).join(' to ');
  const shown = Math.exp(-medianOf(ratios.map(Math.abs)));
  const border = commonBorder(pixels);
  const why: string[] = [];
  const fit = choice.fit ?? chosenFit();
  const background = choice.background === 'mean' ? meanOf(pixels) : (choice.background ?? chosenBackground());
  const polarity = choice.polarity === 'auto' ? chosenPolarity() : (choice.polarity ?? defaultPreprocess.polarity);
  return { rules: { ...defaultPreprocess, fit, background, polarity }, why: why.join('; ') };

  function chosenFit(): Preprocess['fit'] {
    if (isOneRatio) {
      why.push(`all images have an aspect ratio of ${Math.exp(medianOf(ratios)).toFixed(2)}`);
      return 'contain';
    }
    if (border || isClear(pixels)) {
      why.push(`aspect ratios differ (${range}), and padding continues the plain border of the images`);
      return 'contain';
    }
    const differ = `aspect ratios differ (${range}) and padding would show them`;
    if (shown >= LEAST_SHOWN) {
      why.push(`${differ}: the middle of each image is shown, ${Math.round(100 * shown)} % of it at the median`);
      return 'cover';
    }
    why.push(`${differ}, the middle of an image would be ${Math.round(100 * shown)} % of it at the median`);
    return 'stretch';
  }

  function chosenBackground(): Preprocess['background'] {
    if (border) {
      why.push('the background is that of the borders');
      return border;
    }
    if (!pixels.some(({ isTransparent }) => isTransparent)) return defaultPreprocess.background;
    const isDark = lumaOf(rgbOf(meanOf(pixels))) < LIGHT;
    why.push(`some images are transparent, and what they show is ${isDark ? 'dark' : 'light'}`);
    return isDark ? 255 : 0;
  }

  function chosenPolarity(): Preprocess['polarity'] {
    const isLight = lumaOf(rgbOf(background)) >= LIGHT && (border !== null || isClear(pixels));
    why.push(isLight ? 'images are dark on light, so they are inverted' : 'images are not dark on light');
    return isLight ? 'inverted' : 'as-is';
  }
}

/** Returns the colour that most images have as a plain border; null if there is none. */
function commonBorder(pixels: readonly PixelFacts[]): Preprocess['background'] | null {
  const borders = pixels.flatMap(({ border, hasPlainBorder }) => (border && hasPlainBorder ? [border] : []));
  const common = [0, 1, 2].map((i) => Math.round(medianOf(borders.map((colour) => colour[i] as number)))) as unknown as Colour;
  const alike = borders.filter((colour) => areClose(colour, common)).length;
  return pixels.length > 0 && alike >= MOST * pixels.length ? backgroundOf(common) : null;
}

/** Says whether the borders of most images are transparent. */
const isClear = (pixels: readonly PixelFacts[]) =>
  pixels.length > 0 && pixels.filter(({ border, hasPlainBorder }) => !border && hasPlainBorder).length >= MOST * pixels.length;

function meanOf(pixels: readonly PixelFacts[]): Preprocess['background'] {
  const means = pixels.flatMap(({ mean }) => (mean ? [mean] : []));
  const mean = (i: number) => Math.round(means.reduce((sum, colour) => sum + (colour[i] as number), 0) / Math.max(1, means.length));
  return backgroundOf([mean(0), mean(1), mean(2)]);
}

/** Writes a colour as a grey level where it is one. */
export const backgroundOf = ([red, green, blue]: Colour): Preprocess['background'] =>
  red === green && green === blue ? red : [red, green, blue];

const lumaOf = ([red, green, blue]: Colour) => 0.299 * red + 0.587 * green + 0.114 * blue;
