import type { ImageFormat } from '../format.ts';
import { opaqueOf } from '../opaque.ts';
import { countedPixels, eighthsOf, reducedSize } from '../reduced-size.ts';
import { damaged } from './bitstream.ts';
import { isWebp, readWebpFile, type WebpFile } from './container.ts';
import { webpDecoder } from './decode.ts';

/** WebP, decoded by libwebp. */
export const webp: ImageFormat = {
  name: 'WebP',
  mediaTypes: ['image/webp'],
  extensions: ['.webp'],
  description: 'a WebP file, lossy or lossless, not animated; its EXIF orientation counts',
  wasm: './webp/libwebp.wasm',
  hasSignature: isWebp,
  createReader(module) {
    const decode = webpDecoder(module);
    return (bytes, limits) => {
      const file = readWebpFile(bytes, limits);
      // Lossless pixels and alpha channels can only be decoded whole.
      const eighths = file.lossy && !file.transparent ? eighthsOf(file) : 8;
      return {
        claims: file.claims,
        countedPixels: countedPixels(file),
        decode(background, orientation) {
          const size = reducedSize(file, eighths);
          const data = decode(file.needed, size.width, size.height);
          checkOpaque(data, file);
          return opaqueOf({ ...size, data }, { grey: false, transparent: file.transparent }, background, orientation);
        },
      };
    };
  },
};

/** Checks that lossless pixels that call themselves opaque are: some readers look, some do not. @throws ImageError */
function checkOpaque(data: Uint8Array, { lossy, transparent }: WebpFile): void {
  if (lossy || transparent) return;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) throw damaged('it has an alpha channel that its header (VP8L) denies');
}
