import type { DecodedImage } from '../shared/images/image.ts';
import { imageReader, type ReadOptions } from '../shared/images/read-image.ts';
import { decoders } from './decoders.ts';

/** Reads an image file into an upright image; rejects with an ImageError that says what is wrong with it. */
type ReadImage = (bytes: Uint8Array, options: ReadOptions) => Promise<DecodedImage>;

const read = imageReader(decoders);

/** Opens the one reader of image files (shared/images) with its decoders, once per thread. */
export async function openImageReader(): Promise<ReadImage> {
  return async (bytes, options) => read(bytes, options);
}
