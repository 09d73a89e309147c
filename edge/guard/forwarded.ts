import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Config } from '../config.ts';
import type { ReadImage } from '../decode/read-images.ts';
import { encodePng } from './encode-png.ts';

/** A body as it is forwarded to the classifier, with the headers that describe it. */
export interface Forwarded {
  body: Uint8Array | ReadableStream<Uint8Array>;
  headers: Record<string, string>;
}

/** An accepted image with its position in the client's request. */
export interface Passing {
  place: number;
  image: ReadImage;
}

/** How pictures are forwarded. */
export interface ForwardRules {
  config: Pick<Config, 'FORWARD' | 'UPSTREAM_TENSORS'>;
  input: Screening['input'];
}

/**
 * Encodes the picture as a new PNG: as it was decoded, or as the model saw it (`FORWARD=screened`); never the client's own bytes, which the
 * classifier's reader could decode differently.
 *
 * @param image with a picture
 */
export function forwardedPng({ tensor, picture }: ReadImage, { config, input }: ForwardRules): Uint8Array<ArrayBuffer> {
  if (!picture) throw new Error('numbers have no picture');
  if (config.FORWARD !== 'screened') return encodePng(picture);
  // A level of 0 to 255 divided by 255 comes back exactly.
  return encodePng({ ...input, pixels: Uint8Array.from(tensor, (value) => Math.round(value * 255)) });
}

export const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** Returns the values as nested lists, [H][W][C]. */
export function nested(tensor: Float32Array, { height, width, channels }: Screening['input']): number[][][] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => Array.from(tensor.subarray((y * width + x) * channels, (y * width + x + 1) * channels))),
  );
}
