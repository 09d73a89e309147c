import { expect, it } from 'vitest';
import { openImageReader } from '../../../node/image-reader.ts';
import { ALL_FORMATS, formatOf, kindOfFile } from '../../../shared/images/formats.ts';
import { DEFAULT_LIMITS } from '../../../shared/images/limits.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

it.each<[string | null, string]>([
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['JPEG', '\xff\xd8\xff\xe0'],
  ['WebP', 'RIFF\0\0\0\0WEBPVP8 '],
  ['GIF', 'GIF87a'],
  ['GIF', 'GIF89a'],
  ['BMP', 'BM\0\0'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  ['TIFF', 'II+\0'],
  ['HEIC', '\0\0\0\x1cftypheic'],
  ['HEIC', '\0\0\0\x1cftypmif1'],
  ['AVIF', '\0\0\0\x20ftypavif'],
  ['video', '\0\0\0\x20ftypisom'],
  ['JPEG XL', '\xff\x0a'],
  ['JPEG XL', '\0\0\0\x0cJXL \r\n\x87\n'],
  ['JPEG 2000', '\0\0\0\x0cjP  \r\n\x87\n'],
  ['JPEG 2000', '\xff\x4f\xff\x51'],
  ['PNM', 'P6\n28 28 255\n'],
  ['PNM', 'P5 2 2 255 '],
  ['PNM', 'Pf\n'],
  ['ICO', '\0\0\x01\0\x01\0'],
  ['DDS', 'DDS |\0\0\0'],
  ['OpenEXR', 'v/1\x01\x02\0\0\0'],
  ['PCX', '\x0a\x05\x01\x08'],
  ['SGI', '\x01\xda\0\x01\0\x02'],
  ['PDF', '%PDF-1.7'],
  ['SVG', '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'],
  ['SVG', '  <svg>'],
  [null, '\x89PNG'],
  [null, 'RIFF\0\0\0\0WAVE'],
  [null, 'hello'],
])('%s begins as %j', async (kind, text) => {
  const bytes = latin1(text);
  expect(kindOfFile(bytes)).toBe(kind);
  const format = formatOf(bytes);
  if (format || kind === 'PNG' || kind === 'JPEG' || kind === 'WebP') expect(format?.name).toBe(kind);
  if (format) return;
  const read = (await openImageReader())(bytes, { limits: DEFAULT_LIMITS, background: 0 });
  await expect(read).rejects.toThrow(`of ${kind ? `the kind ${kind}` : 'an unknown kind'}; only ${ALL_FORMATS} are read`);
  await expect(read).rejects.toThrow(kind ? /Convert it, for example with: \S+ .*\.$/ : /Save it as one of these\.$/);
});

it('an empty file is told as such', async () => {
  const read = (await openImageReader())(new Uint8Array(0), { limits: DEFAULT_LIMITS, background: 0 });
  await expect(read).rejects.toThrow(`The file is empty; only ${ALL_FORMATS} are read. Save it again.`);
});
