import sharp from 'sharp';

/**
 * Returns a JPEG, or a lossy WebP, as phones write it: 4032 x 3024, about 2 MB as JPEG; soft shapes with the grain of a sensor. The pixels
 * are the same each time.
 */
export async function phonePhoto(options: { progressive?: boolean; orientation?: number; webp?: boolean } = {}): Promise<Buffer> {
  const [width, height] = [504, 378];
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) {
      const grain = Math.abs(Math.sin(x * 12.9898 + y * 78.233) * 43758.5453) % 1;
      pixels[at] = 100 + 80 * Math.sin(x / 50) + 30 * grain;
      pixels[at + 1] = 120 + 60 * Math.cos(y / 40) + 30 * grain;
      pixels[at + 2] = 80 + 100 * Math.sin((x + y) / 90) ** 2 + 30 * grain;
    }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } }).resize(8 * width, 8 * height, { kernel: 'mitchell' });
  if (options.orientation !== undefined) image.withMetadata({ orientation: options.orientation });
  if (options.webp) return image.webp({ quality: 90, effort: 1 }).toBuffer();
  return image.jpeg({ quality: 95, progressive: options.progressive ?? false }).toBuffer();
}
