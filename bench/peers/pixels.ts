import { createHash } from 'node:crypto';
import sharp from 'sharp';

/** Returns the RGBA pixels that libvips (sharp) decodes from a file, as stored or turned by EXIF. @throws Error if it can't */
export async function pixelsOf(file: Uint8Array, { upright = false } = {}): Promise<{ width: number; height: number; rgba: Buffer }> {
  const decoded = sharp(file, { limitInputPixels: false });
  const turned = upright ? decoded.autoOrient() : decoded;
  const { data, info } = await turned.toColourspace('srgb').ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`libvips decodes ${info.channels} channels, not 4`);
  return { width: info.width, height: info.height, rgba: data };
}

/** Returns their sha256, computed as in the Python servers (seen.py). */
export async function sha256OfPixels(file: Uint8Array, options: { upright?: boolean } = {}): Promise<string> {
  const { width, height, rgba } = await pixelsOf(file, options);
  return createHash('sha256').update(`${width}x${height}:`).update(rgba).digest('hex');
}
