import sharp from 'sharp';
import type { ImageLimits } from '../../shared/images/limits.ts';
import type { HostileRequest } from './hostile-bodies.ts';
import { noiseBytes } from './hostile-png.ts';

/**
 * Requests to the guard whose images are accepted, so that they are encoded anew: a digit as large as is allowed, in colour, under noise that the
 * resize averages away but no encoder can make small.
 */
export async function acceptedRequests(digit: Buffer, limits: ImageLimits): Promise<HostileRequest[]> {
  const side = Math.floor(Math.sqrt(limits.maxPixels));
  const large = await sharp(digit).resize(side, side, { kernel: 'nearest' }).toColourspace('srgb').removeAlpha().raw().toBuffer();
  const noise = noiseBytes(large.length);
  const noisy = large.map((level, i) => Math.min(255, Math.max(0, level + ((noise[i] as number) & 15) - 8)));
  const image = sharp(noisy, { raw: { width: side, height: side, channels: 3 } });
  const of = (name: string, type: string, body: Buffer): HostileRequest => ({
    name: `guard, ${name}`,
    path: '/guard',
    headers: { 'content-type': type },
    body,
  });
  return [
    of('a noisy digit as PNG', 'image/png', await image.clone().png({ compressionLevel: 6 }).toBuffer()),
    of('a noisy digit as progressive JPEG', 'image/jpeg', await image.clone().jpeg({ quality: 95, progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()),
    of('a noisy digit, in a form', 'multipart/form-data; boundary=b', inForm(await image.clone().png({ compressionLevel: 6 }).toBuffer())),
  ];
}

function inForm(file: Buffer): Buffer {
  const head = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nContent-Type: image/png\r\n\r\n';
  return Buffer.concat([Buffer.from(head), file, Buffer.from('\r\n--b--\r\n')]);
}
