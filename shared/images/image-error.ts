/** Why an image file is not screened: what is wrong with it, or that it is larger than is allowed. */
export type ImageFault = 'bad-image' | 'image-too-large';

/**
 * An image file that is refused. The message is for the person who has the file: what is wrong, what is allowed, what to do; the same
 * words in the worker, on the command line and in a training.
 */
export class ImageError extends Error {
  override name = 'ImageError';
  readonly fault: ImageFault;
  constructor(message: string, fault: ImageFault = 'bad-image') {
    super(message);
    this.fault = fault;
  }
}
