import sharp, { type Sharp } from 'sharp';
import type { ImageLimits } from '../../shared/images/limits.ts';
import { formOf, type HostileRequest, IMAGES } from './hostile-bodies.ts';
import { noiseBytes } from './hostile-png.ts';

/**
 * Makes requests to the guard whose images are accepted, so that they are re-encoded: a digit as large as is allowed, in colour, under
 * noise that the resize averages away but no encoder can compress.
 */
export async function acceptedRequests(digit: Buffer, limits: ImageLimits): Promise<HostileRequest[]> {
  const whole = await noisyDigit(digit, Math.floor(Math.sqrt(limits.maxPixels)));
  const small = await noisyDigit(digit, Math.floor(Math.sqrt(limits.maxPixels / IMAGES)));
  const [wholePng, smallPng] = [await whole.clone().png({ compressionLevel: 6 }).toBuffer(), await small.ensureAlpha().png().toBuffer()];
  const of = (name: string, type: string, body: Buffer): HostileRequest => ({
    name: `guard, ${name}`,
    path: '/guard',
    headers: { 'content-type': type },
    body,
  });
  return [
    of('a noisy digit as PNG', 'image/png', wholePng),
    of(
      'a noisy digit as progressive JPEG',
      'image/jpeg',
      await whole.clone().jpeg({ quality: 95, progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    ),
    of('a noisy digit, in a form', 'multipart/form-data; boundary=b', formOf([wholePng])),
    of(`${IMAGES} noisy digits, in a form`, 'multipart/form-data; boundary=b', formOf(new Array<Buffer>(IMAGES).fill(smallPng))),
  ];
}

async function noisyDigit(digit: Buffer, side: number): Promise<Sharp> {
  const large = await sharp(digit).resize(side, side, { kernel: 'nearest' }).toColourspace('srgb').removeAlpha().raw().toBuffer();
  const noise = noiseBytes(large.length);
  const noisy = large.map((level, i) => Math.min(255, Math.max(0, level + ((noise[i] as number) & 15) - 8)));
  return sharp(noisy, { raw: { width: side, height: side, channels: 3 } });
}
