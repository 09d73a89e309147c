import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { DecodedImage } from '../../shared/images/image.ts';
import { preprocess, tensorOf } from '../../shared/images/preprocess.ts';
import type { Captured } from '../peers/capture.ts';
import { pixelsOf, sha256OfPixels } from '../peers/pixels.ts';
import type { Seen } from '../peers/servers.ts';
import type { Mode } from './ask.ts';

/** The screened image: the client's picture as the worker's reader decodes it, and the sha256 of the model's tensor. */
export interface Screened {
  picture: DecodedImage;
  tensor: string;
}

/**
 * Says whether what was forwarded is what was screened, as libvips decodes it: `decoded` equals the picture to the pixel and gives the
 * tensor when preprocessed; `screened` is the tensor itself.
 *
 * @param file a PNG that was forwarded
 * @returns null if it is, else how it differs
 */
export async function differenceFrom(
  { picture, tensor }: Screened,
  file: Uint8Array,
  mode: Mode,
  rules: Screening,
): Promise<string | null> {
  const decoded = await pixelsOf(file).catch((error: Error) => error);
  if (decoded instanceof Error) return `libvips: ${decoded.message}`;
  if ((await sha256OfPixels(file, { upright: true })) !== (await sha256OfPixels(file)))
    return 'libvips turns it: it carries an orientation';
  const { width, height } = decoded;
  const wanted = mode === 'decoded' ? picture : rules.input;
  if (width !== wanted.width || height !== wanted.height) return `it is ${width} x ${height}, not ${wanted.width} x ${wanted.height}`;
  const pixels = opaquePixels(decoded, wanted.channels);
  if (typeof pixels === 'string') return pixels;
  if (mode === 'screened') return (await hashOf(tensorOf(pixels))) === tensor ? null : 'its levels are another tensor than was screened';
  if (Buffer.compare(pixels, picture.pixels) !== 0) return 'its pixels are others than those that were read';
  const values = preprocess({ ...wanted, pixels }, rules.input, rules.preprocess);
  return (await hashOf(values)) === tensor ? null : 'preprocessed it is another tensor than was screened';
}

/** RGBA as grey or RGB; or why it can't be. */
function opaquePixels({ width, height, rgba }: { width: number; height: number; rgba: Buffer }, channels: 1 | 3): Uint8Array | string {
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue, alpha] = rgba.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    if (alpha !== 255) return `pixel ${i} has alpha ${alpha}`;
    if (channels === 1 && (red !== green || green !== blue)) return `pixel ${i} is not grey`;
    pixels.set(channels === 1 ? [red] : [red, green, blue], i * channels);
  }
  return pixels;
}

/** Says whether a peer sees the same pixels as libvips, in a single frame, however it treats EXIF. @returns null if it does */
export async function peerDifference(seen: Seen | undefined, file: Uint8Array): Promise<string | null> {
  if (!seen) return 'the peer sees no image';
  if (seen.error) return seen.error;
  if (seen.frames !== 1) return `the peer sees ${seen.frames} frames`;
  if (seen.upright !== seen.rgba) return 'the peer turns it';
  return seen.rgba === (await sha256OfPixels(file)) ? null : `the peer sees other pixels, ${seen.width} x ${seen.height}`;
}

/** Asks a real server what it sees of a request that was forwarded. @throws Error if it does not answer */
export async function seenBy(server: string, path: string, { headers, body }: Captured): Promise<Seen[]> {
  const answer = await fetch(`${server}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'Content-Type': headers['content-type'] ?? '' },
  });
  if (!answer.ok) return [{ error: `the peer answers ${answer.status}: ${(await answer.text()).slice(0, 200)}` }];
  return ((await answer.json()) as { images: Seen[] }).images;
}

const hashOf = (values: Float32Array) => sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
