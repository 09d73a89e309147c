import { ImageError } from '../image.ts';

/** The pixels of a WebP as the beginning of their chunk describes them. */
export interface Bitstream {
  width: number;
  height: number;
  /** True for VP8, false for VP8L. */
  lossy: boolean;
  /** True if VP8L says that its alpha channel is used. */
  alphaBit: boolean;
}

export const damaged = (why: string) => new ImageError(`The WebP is cut off or damaged: ${why}. Use the whole file, or save it again.`);

/**
 * Reads the header of a chunk of pixels.
 *
 * @param name of the chunk
 * @returns null if the chunk has no pixels
 * @throws ImageError if its header is not valid
 */
export function bitstreamOf(name: string, data: Uint8Array): Bitstream | null {
  if (name === 'VP8 ') return lossyOf(data);
  return name === 'VP8L' ? losslessOf(data) : null;
}

/** Reads a VP8 frame header (RFC 6386, 9.1). */
function lossyOf(data: Uint8Array): Bitstream {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const tag = data.length < 10 ? 0 : view.getUint16(0, true) | ((data[2] as number) << 16);
  const [isInter, version, isShown, length] = [(tag & 1) === 1, (tag >> 1) & 7, (tag >> 4) & 1, tag >> 5];
  if (isInter || version > 3 || !isShown || length > data.length - 10 || (view.getUint32(2) & 0xffffff) !== 0x9d012a)
    throw damaged('its lossy pixels (VP8) do not begin with a frame that can be shown');
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  if (width >> 14 || height >> 14) throw damaged('it asks to be enlarged when it is shown, which readers do or do not');
  return { width, height, lossy: true, alphaBit: false };
}

/** Reads a VP8L header (RFC 9649, 3.4). */
function losslessOf(data: Uint8Array): Bitstream {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const bits = data.length < 5 || data[0] !== 0x2f ? -1 : view.getUint32(1, true);
  if (bits < 0 || bits >>> 29 !== 0) throw damaged('its lossless pixels (VP8L) do not begin with a header that WebP has');
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, lossy: false, alphaBit: ((bits >>> 28) & 1) === 1 };
}
