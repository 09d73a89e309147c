import type { Screening } from '../bundle/screening-schema.ts';
import type { DecodedImage } from '../images/image.ts';
import { preprocess } from '../images/preprocess.ts';

/** An image as it was read: the decoded picture, or the model's own input, [H, W, C] in [0, 1], if numbers were given. */
export type ReadImage = { picture: DecodedImage; values?: undefined } | { picture?: undefined; values: Float32Array };

/**
 * Reads an image, or returns what is wrong with it. Called once, when the image is needed: a picture takes far more memory than its file,
 * so there is one picture at a time unless the caller keeps them.
 */
export type ImageSource<Problem extends Error = Error> = () => ReadImage | Problem;

/** Writes an image into the model's input. */
export function writeInput({ picture, values }: ReadImage, { input, preprocess: rules }: Screening, output: Float32Array): void {
  if (picture) preprocess(picture, input, rules, output);
  else output.set(values);
}

/** Says why values are not the model's input: their number, or the first that is not in [0, 1]; null if they are. */
export function valuesProblem(
  values: Float32Array,
  { height, width, channels }: Screening['input'],
): { what: 'wrong-size' | 'not-finite'; detail: string } | null {
  const floats = height * width * channels;
  if (values.length !== floats)
    return { what: 'wrong-size', detail: `There are ${values.length} values; ${floats} are needed: ${height} x ${width} x ${channels}.` };
  const odd = values.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd < 0) return null;
  return { what: 'not-finite', detail: `Value ${odd} is ${values[odd]}; every value must be a number in [0, 1].` };
}
