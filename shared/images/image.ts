/** A decoded image: 8-bit and opaque. */
export interface DecodedImage {
  width: number;
  height: number;
  /** 1 grey, 3 RGB. */
  channels: 1 | 3;
  /** Height x width x channels levels of 0 to 255, row by row. */
  pixels: Uint8Array;
}

/** The kinds of refusals: something is wrong with the file, or it is larger than is allowed. */
export type ImageFault = 'bad-image' | 'image-too-large';

/**
 * The error for an image file that is refused. Its message tells the owner of the file what is wrong, what is allowed and what to do, in
 * the same words in the worker, on the command line and in training.
 */
export class ImageError extends Error {
  override name = 'ImageError';
  readonly fault: ImageFault;
  constructor(message: string, fault: ImageFault = 'bad-image') {
    super(message);
    this.fault = fault;
  }
}
