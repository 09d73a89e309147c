import { randomFrom } from '../shared/random.ts';
import type { Attack, Oracle } from './attack.ts';
import { eachImage, isBroken, limited, nearestWrong, type QueriedImage, type QueryResult } from './oracle.ts';

/** Share of the changed pixels that the first questions reset together. */
const FIRST_SHARE = 1 / 8;

/** The pointwise attack (Schott et al., ICLR 2019), which sees verdicts alone, from the nearest own image that is accepted as a wrong class. */
export const pointwise = ({ queries = 2000 }: { queries?: number } = {}): Attack => ({
  name: 'Pointwise with verdicts',
  ...{ knowledge: 'black-box', norm: 'l0', kind: 'minimum norm', cost: queries, counts: 'best', source: import.meta.url },
  about: `verdicts alone, from the nearest training image that is accepted as a wrong class: at most ${queries} queries an image`,
  run: (model, images, labels, _radius, seeds) => {
    const oracle = model.oracle('verdicts');
    return eachImage(model.input, images, labels, seeds, async (image) => {
      const start = await nearestWrong(model, image);
      return start ? pointwiseSearch(oracle, image, start, queries) : { image: null, queries: 0 };
    });
  },
});

/**
 * Resets changed pixels in random order, as long as the image is accepted as a wrong class: many together at first, half as many where a
 * pass over all of them helped nowhere, in the end one by one.
 *
 * @param start accepted as a wrong class; otherwise nothing is found
 * @param queries at most
 * @returns an image of few changed pixels that was accepted as a wrong class
 */
export async function pointwiseSearch(oracle: Oracle, attacked: QueriedImage, start: Float32Array, queries: number): Promise<QueryResult> {
  const { image: origin, truth, channels } = attacked;
  const budget = limited(oracle, origin.length, queries);
  const random = randomFrom(attacked.seed, 'pointwise');
  const breaks = async (image: Float32Array) => (await budget.ask(image)).every((answer) => isBroken(answer, truth));
  if (queries === 0 || !(await breaks(start))) return { image: null, queries: budget.queries() };
  let best = start;
  let together = Math.max(1, Math.round(changedPixels(best, origin, channels).length * FIRST_SHARE));
  while (budget.left() > 0) {
    const order = random.shuffle(changedPixels(best, origin, channels));
    let helped = false;
    for (let first = 0; first < order.length && budget.left() > 0; first += together) {
      const image = best.slice();
      for (const pixel of order.slice(first, first + together))
        image.set(origin.subarray(pixel * channels, (pixel + 1) * channels), pixel * channels);
      if (!(await breaks(image))) continue;
      best = image;
      helped = true;
    }
    if (helped) continue;
    if (together === 1) break;
    together = Math.ceil(together / 2);
  }
  return { image: best, queries: budget.queries() };
}

/** The places of the pixels in which two images differ. */
function changedPixels(image: Float32Array, origin: Float32Array, channels: number): number[] {
  const places = new Set<number>();
  for (const [i, value] of image.entries()) if (value !== origin[i]) places.add(Math.floor(i / channels));
  return [...places];
}
