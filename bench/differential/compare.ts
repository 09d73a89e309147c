import { preprocess } from '../../shared/preprocess.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import { sha256 } from '../../shared/sha256.ts';
import type { Captured } from '../peers/capture.ts';
import { pixelsOf, sha256OfPixels } from '../peers/pixels.ts';
import type { Seen } from '../peers/servers.ts';
import type { Mode } from './ask.ts';

/**
 * Whether what was forwarded is what was screened, as libvips decodes it: `decoded` gives the screened tensor once it is preprocessed,
 * `screened` is the tensor itself.
 *
 * @param file a PNG that was forwarded
 * @param tensor sha256 of the screened tensor
 * @returns null where it is; else how it differs
 */
export async function differenceFrom(
  tensor: string,
  file: Uint8Array,
  mode: Mode,
  { input, preprocess: rules }: Screening,
): Promise<string | null> {
  const decoded = await pixelsOf(file).catch((error: Error) => error);
  if (decoded instanceof Error) return `libvips: ${decoded.message}`;
  const { width, height, rgba } = decoded;
  if ((await sha256OfPixels(file, { upright: true })) !== (await sha256OfPixels(file)))
    return 'libvips turns it: it carries an orientation';
  if (mode === 'decoded') {
    const values = preprocess({ width, height, rgba, orientation: 1 }, input, rules);
    return (await hashOf(values)) === tensor ? null : `its ${width} x ${height} pixels are another image than was screened`;
  }
  if (width !== input.width || height !== input.height)
    return `it is ${width} x ${height}, not the model's ${input.width} x ${input.height}`;
  const values = new Float32Array(width * height * input.channels);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue, alpha] = rgba.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    if (alpha !== 255) return `pixel ${i} has alpha ${alpha}`;
    if (input.channels === 1 && (red !== green || green !== blue)) return `pixel ${i} is not grey`;
    const levels = input.channels === 1 ? [red] : [red, green, blue];
    for (const [channel, level] of levels.entries()) values[i * input.channels + channel] = level / 255;
  }
  return (await hashOf(values)) === tensor ? null : 'its levels are another tensor than was screened';
}

/** Whether a peer sees the pixels that libvips sees, one frame of them, however it treats EXIF. @returns null where it does */
export async function peerDifference(seen: Seen | undefined, file: Uint8Array): Promise<string | null> {
  if (!seen) return 'the peer sees no image';
  if (seen.error) return seen.error;
  if (seen.frames !== 1) return `the peer sees ${seen.frames} frames`;
  if (seen.upright !== seen.rgba) return 'the peer turns it';
  return seen.rgba === (await sha256OfPixels(file)) ? null : `the peer sees other pixels, ${seen.width} x ${seen.height}`;
}

/** Asks a real server what it sees of a request that was forwarded. @throws Error where it does not answer */
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
