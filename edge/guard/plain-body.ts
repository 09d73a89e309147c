import type { ReadImages } from '../decode/read-images.ts';
import { ProblemError } from '../problem.ts';
import { base64Of, type Forwarded, type ForwardRules, forwardedPng, nested, type Passing } from './forwarded.ts';

/** Field names that every form parser reads alike. `_charset_` is left out: it says how the other fields are encoded (RFC 7578, 4.6). */
const PLAIN_NAME = /^(?!_charset_$)[\w.[\]-]{1,64}$/;
const OTHER_NAME = 'file';

/**
 * Makes a new body for the classifier from the accepted images only, in the form of the client's: a PNG, a form of PNGs, or JSON.
 * Numbers become nested JSON, never raw floats, which some reader could take for a file.
 *
 * @throws ProblemError `not-forwarded` if numbers came in a form, which has no place for them
 */
export async function plainBody(
  { form, names }: Pick<ReadImages, 'form' | 'names'>,
  passing: readonly Passing[],
  rules: ForwardRules,
): Promise<Forwarded> {
  const [first] = passing;
  if (form === 'file' && first?.image.picture) return { body: forwardedPng(first.image, rules), headers: { 'content-type': 'image/png' } };
  if (form === 'form') {
    if (passing.some(({ image }) => !image.picture))
      throw new ProblemError('not-forwarded', 'Numbers in a form are not forwarded to the classifier. Send them as JSON.');
    return formBody(names, passing, rules);
  }
  const images = passing.map(({ image }) =>
    image.picture ? { image: base64Of(forwardedPng(image, rules)) } : { pixels: nested(image.tensor, rules.input) },
  );
  return { body: new TextEncoder().encode(JSON.stringify({ images })), headers: { 'content-type': 'application/json' } };
}

/** Writes a form with the runtime's own encoder, with nothing in it that needs escaping. */
async function formBody(names: readonly (string | undefined)[], passing: readonly Passing[], rules: ForwardRules): Promise<Forwarded> {
  const form = new FormData();
  for (const { place, image } of passing) {
    const name = names[place] ?? '';
    const file = new File([forwardedPng(image, rules)], `image-${place + 1}.png`, { type: 'image/png' });
    form.append(PLAIN_NAME.test(name) ? name : OTHER_NAME, file);
  }
  const made = new Response(form);
  return { body: new Uint8Array(await made.arrayBuffer()), headers: { 'content-type': made.headers.get('content-type') as string } };
}
