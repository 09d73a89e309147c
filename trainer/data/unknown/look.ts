import type { LabelledImages } from '../dataset.ts';
import { amountsOf, inkOf } from './ink.ts';
import type { Size } from './make.ts';

/** Images that are looked at, and the share of them that decides. */
const LOOKED_AT = 100;
const MOST = 0.8;

/**
 * Says whether images show strokes on a plain background, as characters do: at least half of the image is background, and the strokes are
 * no thicker than a third of what they draw.
 */
export function showsStrokes(images: LabelledImages, size: Size): boolean {
  const every = Math.max(1, Math.floor(images.count / LOOKED_AT));
  const looked = Array.from({ length: Math.min(images.count, LOOKED_AT) }, (_, i) => {
    const image = Float32Array.from(images.image(i * every), (level) => level / 255);
    const ink = inkOf(image, size);
    const { amounts } = amountsOf(image, size);
    return ink !== null && ink.stroke <= ink.extent / 3 && amounts.filter((amount) => amount < 0.1).length >= amounts.length / 2;
  });
  return looked.filter(Boolean).length >= MOST * looked.length;
}
